// Bugs that need requests at the same time, or a store that fails at a bad moment. `test/schedules/` has to find them.

/** @type {import('../mutants.mjs').Mutant[]} */
export const scheduleMutants = [
  {
    name: 'a write to a session that has ended creates a new one',
    file: 'lib/lifecycle/session-writer.ts',
    find: "} else if ((await this.update(session, standing.identity, change)) === 'gone') return 'gone';",
    replace: `} else if ((await this.update(session, standing.identity, change)) === 'gone') {
      const meta = this.backend.newMeta(standing.identity.meta.user);
      const { identity } = await this.backend.create(meta, { ...state.texts, ...change.set });
      state.markStored(identity);
      host.answer.setCookie(identity.token);
    }`,
    specs: ['test/schedules'],
  },
  {
    name: 'a commit writes all keys of the session',
    file: 'lib/lifecycle/session-writer.ts',
    find: "} else if ((await this.update(session, standing.identity, change)) === 'gone') return 'gone';",
    replace: `} else {
      const all = { set: { ...state.texts, ...change.set }, delete: change.delete };
      if ((await this.update(session, standing.identity, all)) === 'gone') return 'gone';
    }`,
    specs: ['test/schedules'],
  },
  {
    name: 'a session whose client has left is not saved',
    file: 'lib/lifecycle/request-session.ts',
    find: 'const session = hold && this.session;',
    replace: 'const session = hold && this.response?.destroyed !== true ? this.session : undefined;',
    specs: ['test/schedules'],
  },
  {
    name: 'a rotation leaves the old session alive',
    file: 'lib/backend/stored/stored-sessions.ts',
    find: 'const ended = await this.store.destroy(old.id, this.clock.now(), { successor: id });',
    replace: `const ended = await this.store.load(old.id);
    if (ended === 'broken') return { ...live, outcome: 'lost' };`,
    specs: ['test/schedules'],
  },
];

/** The names of other mutants that the schedules have to find. */
export const FOUND_BY_SCHEDULES = new Set([
  ...scheduleMutants.map(({ name }) => name),
  'the cookie is cleared when another request has ended the session',
  'a renewed cookie is sent although no commit found the session alive',
  'a request that failed with 500 saves its changes',
  'the interceptor commits after a handler that threw',
  'every request writes a touch',
  'regenerate() keeps the data although it was not asked to',
  'regenerate() keeps the user although it was not asked to',
  'regenerate({ keep }) of a session that was just ended brings it back',
  'login() of another user keeps the data of the first one',
  'login() out of a session that was just ended keeps its data in the store',
  'destroy() ends only the session that was loaded, and not the successor of a rotated id',
  'destroy() does not clear the cookie',
  'save() of a session that has ended says nothing',
  'update() writes without comparing',
  'update() is applied a second time after a store error whose outcome is unknown',
  'take() leaves the key in the session',
  'a flash message is given to two requests',
  'a store that cannot be read looks like a visitor',
  'a rotation loses what other requests wrote in between',
  'a rotation overwrites the keys that its own request changed',
  'a rotation leaves no mark, so a logout with the old id ends nothing',
  'a login that revokeByUser() has overtaken stays alive',
  'revokeByUser() misses a login that is in progress',
  'revokeByUser() follows a rotated id to the next user of the same browser',
  'the answer leaves before the store has answered',
  'an answer with a session cookie may be cached',
]);
