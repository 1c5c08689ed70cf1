/** A promise to users, and the tests that show it. */
export interface Guarantee {
  readonly name: string;
  /** What the guarantee means for a user. */
  readonly meaning: string;
  /** E2e specs whose tests count: a path, or `path > beginning of a title` for some of its suites or tests. */
  readonly shownBy: readonly string[];
  /** Specs below HTTP. They run on no adapter, so the page names them and does not count them. */
  readonly alsoShownBy?: readonly string[];
}

const e2e = (spec: string, title?: string): string =>
  `test/e2e/${spec}.e2e-spec.ts${title === undefined ? '' : ` > ${title}`}`;
const redisStartUp = (title: string): string => `test/redis/start-up.e2e-spec.ts > ${title}`;

/** In the order of `docs/guarantees.md`. That page is generated from this list and from a run of the tests. */
export const guarantees: readonly Guarantee[] = [
  {
    name: 'Logout sticks',
    meaning:
      'After a logout, no request that was already running brings the user back, whether it reads, writes or rotates. A logout with an id that was just rotated away ends the new session. Signing out everywhere also covers a login that runs at the same moment.',
    shownBy: [
      e2e('logout-sticks'),
      e2e('revoke-beside-login'),
      e2e('processes', 'a logout'),
      e2e('passport', 'a logout sticks'),
      e2e('fastify-passport', 'a logout sticks'),
      e2e('sessions-service', 'revoke()'),
      e2e('sessions-service', 'revokeByUser()'),
      e2e('sessions-service', 'all sessions of a user'),
      'test/redis/cluster-replicas.e2e-spec.ts > reads sessions from the master',
      e2e('upgrade', 'rejects a save() of a session that was ended'),
    ],
  },
  {
    name: 'No lost updates',
    meaning:
      'A request writes only the keys that it changed. If concurrent requests set different keys, all of the changes are kept; if they assign the same key, the later write is kept.',
    shownBy: [e2e('lost-updates'), e2e('processes', '20 parallel requests')],
    alsoShownBy: [
      'lib/stores/filesystem/interleavings.spec.ts',
      'lib/stores/filesystem/processes.spec.ts',
      'lib/stores/filesystem/races.spec.ts',
    ],
  },
  {
    name: '`update()` never loses a count',
    meaning:
      '`update()` reads, changes and writes one key as a single step, across requests, applications and processes. If it rejects, it has changed nothing. `take()` and flash messages return each value once.',
    shownBy: [
      e2e('update'),
      e2e('session-operations', 'update() and take()'),
      e2e('session-operations', 'flash messages'),
      e2e('processes', '100 parallel increments'),
      e2e('processes', 'of 20 parallel take()'),
    ],
    alsoShownBy: ['lib/lifecycle/key-queue.spec.ts', 'lib/stores/filesystem/processes.spec.ts'],
  },
  {
    name: 'Saved before answered',
    meaning:
      'The response is sent only after the store has confirmed the save. This covers every kind of response, including redirects, files, streams and errors. If the save fails, the request fails and no cookie is set for the session.',
    shownBy: [
      e2e('saved-before-answered'),
      e2e('held-response'),
      e2e('returned-answers'),
      e2e('raw-answers'),
      e2e('streams-and-events'),
      e2e('foreign-middleware'),
      e2e('forgotten-waits'),
      e2e('graphql'),
      e2e('refused-heads'),
      e2e('unsaved-changes'),
      e2e('protocols', 'HTTP/2'),
      e2e('connections', 'connections on'),
      e2e('slow-clients'),
      e2e('guards-pipes-filters'),
      e2e('session-operations', 'save(), reload() and touch()'),
      e2e('applications', 'closes: '),
      e2e('processes', 'one that is stopped under load'),
    ],
    alsoShownBy: ['lib/http/response-head.spec.ts', 'lib/lifecycle/commit-plan.spec.ts'],
  },
  {
    name: 'An id is never adopted',
    meaning:
      'An unknown, expired, forged or malformed cookie gives an empty session and no error, and the first write creates a new id. If a request brings the cookies of two different live sessions, it is signed in to neither.',
    shownBy: [
      e2e('hostile-cookies'),
      e2e('ambiguous-cookies'),
      e2e('timeouts', 'a change of an expired session'),
      e2e('ended-elsewhere', 'the next request with the cookie of the ended session'),
      'test/mongodb/taken-ids.e2e-spec.ts',
      e2e('rotation', 'leaves nothing under the old id'),
      e2e('passport', 'a login gives a new id'),
      e2e('fastify-passport', 'a login gives a new id'),
      e2e('first-steps', 'signs in under a new id'),
    ],
    alsoShownBy: ['lib/cookie/cookie-header.spec.ts', 'lib/cookie/session-cookie.spec.ts'],
  },
  {
    name: 'Nothing for visitors',
    meaning:
      'Until a handler writes, a visitor gets no cookie and no record, and costs no store call. If a handler did not look at the session, its response stays as cacheable as it was.',
    shownBy: [
      e2e('store-call-budget', 'none for'),
      e2e('first-steps', 'gives a visitor who only reads no cookie'),
      e2e('session-object', 'looks on'),
      e2e('caching', 'Vary: Cookie'),
      e2e('connections', 'requests that do not use the session'),
      e2e('update', 'take() of a visitor'),
      e2e('passport', 'a wrong password, a logout of a visitor and a visit'),
    ],
  },
  {
    name: 'Idle and absolute limits hold by our clock',
    meaning:
      "A session ends after `idleTimeout` without use, and after `absoluteTimeout` even if it is in use. The library's own clock decides, not the expiry of the store. Raising an option does not extend sessions that already exist.",
    shownBy: [e2e('timeouts')],
    alsoShownBy: ['lib/stores/filesystem/sweeper.spec.ts', 'lib/stores/memory/due-heap.spec.ts'],
  },
  {
    name: 'One round trip',
    meaning:
      'Reading a session costs one round trip, and writing costs one. A request without a cookie reads nothing from the store. A session is touched at most once per `touchInterval`.',
    shownBy: [e2e('store-call-budget'), e2e('timeouts', 'the touch')],
  },
  {
    name: 'A store that is slow, silent, full or gone',
    meaning:
      'A request that needs the store is answered with a 503 within the deadline. It never hangs, and it never sees a user as logged out by mistake. An outage does not slow down every request, and the store is used again within two seconds of its return, without a restart.',
    shownBy: [
      e2e('store-faults'),
      e2e('disk-faults'),
      e2e('module', 'a store that does not answer at start-up'),
      e2e('caching', 'a session that cannot be read'),
      e2e('passport', 'Passport 0.7 over a store that fails'),
      redisStartUp('answers 503'),
      redisStartUp('a Redis that freezes'),
      redisStartUp('starts without Redis'),
      redisStartUp('does not start'),
      'test/redis/states.e2e-spec.ts',
      'test/redis/plug-pulled.e2e-spec.ts',
      'test/redis/faults.e2e-spec.ts',
      'test/mongodb/plug-pulled.e2e-spec.ts',
      'test/mongodb/faults.e2e-spec.ts',
    ],
    alsoShownBy: [
      'lib/store/store-calls.spec.ts',
      'lib/stores/filesystem/files.spec.ts',
      'lib/stores/filesystem/full-disk.spec.ts',
      'lib/stores/mongodb/mongodb.network.spec.ts',
      'lib/stores/mongodb/mongodb.replica-set.spec.ts',
      'test/redis/cluster.spec.ts',
      'test/redis/connection.spec.ts',
      'test/redis/replicas.spec.ts',
      'test/redis/sentinel.spec.ts',
      'test/redis/states.spec.ts',
    ],
  },
  {
    name: 'Ids at rest are hashes',
    meaning: 'The store holds hashes and no tokens, so a copy of the store cannot be used to sign in.',
    shownBy: [e2e('stolen-store'), e2e('sessions-service', 'never carry a token')],
    alsoShownBy: ['lib/crypto/session-id.spec.ts'],
  },
  {
    name: 'Exactly one `Set-Cookie`',
    meaning:
      'A response carries at most one session cookie. The cookie is cleared with the same attributes that it was set with. No cache serves one user the page of another.',
    shownBy: [e2e('cookie-attributes'), e2e('caching'), e2e('protocols', 'HTTPS on')],
    alsoShownBy: ['lib/http/session-headers.spec.ts'],
  },
  {
    name: 'Bad input is not an error',
    meaning:
      'Every request is answered, whatever its `Cookie` header and the store contain. A broken value reads as `undefined`, and a broken record as no session. Both are reported, and both stay in the store.',
    shownBy: [
      e2e('hostile-cookies'),
      e2e('cookie-bombs'),
      e2e('stored-damage'),
      e2e('rolling-deploy'),
      'test/redis/huge-records.e2e-spec.ts > costs its reading',
      'test/mongodb/huge-records.e2e-spec.ts > costs its reading',
      e2e('store-call-budget', 'none for a cookie'),
    ],
    alsoShownBy: [
      'lib/codec/json.codec.depth.spec.ts',
      'lib/codec/json.codec.fuzz.spec.ts',
      'lib/codec/json.codec.safety.spec.ts',
      'lib/stores/filesystem/damage.spec.ts',
    ],
  },
  {
    name: 'A session that ended elsewhere',
    meaning:
      'If another request ended the session, it is not written to and the response does not change the cookie. An explicit save rejects. A login creates a new id, and the old id is invalid before the response is sent.',
    shownBy: [
      e2e('ended-elsewhere'),
      e2e('rotation'),
      e2e('session-operations', 'login()'),
      e2e('session-operations', 'regenerate()'),
      e2e('session-operations', 'destroy()'),
      e2e('upgrade', 'rejects a save() of a session that was ended'),
    ],
  },
  {
    name: 'Only what we opened is closed',
    meaning:
      'A store or client that the application created stays open at shutdown. No timer keeps the process alive.',
    shownBy: [
      e2e('module', 'opening and closing'),
      e2e('processes', 'no timer or connection holds the process'),
      redisStartUp("takes the application's client"),
    ],
    alsoShownBy: ['lib/stores/mongodb/mongodb-client.spec.ts', 'test/redis/connection.spec.ts'],
  },
];

/** E2e specs that show no guarantee, and what they test. */
export const otherSpecs: Readonly<Record<string, string>> = {
  [e2e('current-session')]: '`Sessions.current()`, wherever it is injected',
  [e2e('gateways')]: 'the session in WebSocket gateways, with platform-ws and with socket.io',
  [e2e('many-users')]: 'many users at the same time: each gets only their own responses',
  [e2e('memory-use')]: 'memory use, which does not grow with the number of requests',
  [e2e('nested-applications')]: 'a Nest application mounted in another one, both with sessions',
  [e2e('other-session-libraries')]: 'other session libraries in the same application',
  [e2e('middleware')]: 'the session in middleware, in an application created with `NestFactory`',
  [e2e('overridden-options')]: 'replacing the options and the clock in a testing module',
  [e2e('oversized-values')]: 'values that are far too large',
  [e2e('session-access')]: 'all ways to get the session, eager and lazy',
  [e2e('session-size')]: '`maxSize`',
  [e2e('session-values')]: 'the values that a session can hold',
  [e2e('signed-tokens')]: 'signed cookies: the option `secret`, turning it on, and changing keys',
  [e2e('usage-errors')]: 'common first mistakes: no module, no options, no HTTP request',
  [e2e('validation-pipe')]: 'the session in handlers with a `ValidationPipe`',
  'test/testing/sign-in.e2e-spec.ts': '`nestjs-http-session/testing` over every store, on both adapters',
};
