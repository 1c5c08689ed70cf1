import { SessionError } from '../../lib/index.js';
import { newSid, idOf } from '../../lib/crypto/session-id.js';
import { encodeMeta } from '../../lib/session/session-meta.js';
import { fieldOfKey, flashField } from '../../lib/session/session-fields.js';
import type { ControlledGlobals } from './controlled-globals.js';
import { exchange, type Exchange } from './exchange.js';
import {
  STORE_TIMEOUT_MS,
  type ExploredApp,
  type ExploredApps,
  type ScheduledSession,
} from './explored-app.js';
import { Gates, type Chosen, type Gate } from './gates.js';
import type { Content, Failure, History, OperationRun, RequestRun } from './history.js';
import {
  describeOperation,
  type BrowserStart,
  type Keep,
  type Operation,
  type PlainOperation,
  type Program,
  type WorldEvent,
} from './program.js';
import { caller, contentOf, Recorder } from './recorder.js';

/** Chooses the next step among those that can be taken. `last` is the actor that took the last one. */
export type Choose = (steps: readonly Gate[], last: string) => Gate;

/** A wait between two tries of an `update()` is shorter than this, and a deadline longer. */
const SHORT_MS = 100;

/** Runs one schedule from the beginning to the end, and returns what happened. */
export async function runSchedule(
  apps: ExploredApps,
  globals: ControlledGlobals,
  program: Program,
  choose: Choose,
  isChosen?: Chosen,
): Promise<History> {
  const run = new ScheduleRun(apps.of(program.options), globals, program, new Gates(isChosen));
  return run.play(choose);
}

const PLAIN: Record<
  Exclude<PlainOperation, 'update'>,
  (session: ScheduledSession, mark: string) => unknown
> = {
  take: session => session.take('t'),
  flash: (session, mark) => session.flash('note', mark),
  flashes: session => session.flashes('note'),
  destroy: session => session.destroy(),
  save: session => session.save(),
  reload: session => session.reload(),
  touch: session => session.touch(),
};

function regenerate(session: ScheduledSession, keep: Keep, form: 'promise' | 'callback'): Promise<void> {
  if (form === 'promise') return session.regenerate({ keep });
  return new Promise<void>((resolve, reject) =>
    session.regenerate({ keep }, (error?: unknown) =>
      error === undefined ? resolve() : reject(error as Error),
    ),
  );
}

const isOutside = ({ actor }: Gate): boolean => actor === 'world' || actor.startsWith('client');

class ScheduleRun {
  readonly #recorder: Recorder;
  readonly #tokens: (string | undefined)[] = [];
  readonly #initial: (string | undefined)[];
  readonly #seeded: ReadonlyMap<string, Content>;
  #last = '';

  constructor(
    readonly app: ExploredApp,
    readonly globals: ControlledGlobals,
    readonly program: Program,
    readonly gates: Gates,
  ) {
    this.#recorder = new Recorder(program.requests.length);
    globals.reset();
    app.store.reset();
    this.#tokens = program.browsers.map((start, i) => this.#seed(start, i));
    this.#seeded = new Map([...app.store.records()].map(([id, record]) => [id, contentOf(record)]));
    this.#initial = this.#tokens.map(token => (token === undefined ? undefined : idOf(token)));
  }

  async play(choose: Choose): Promise<History> {
    const { app, gates, program } = this;
    app.store.enter({ gates, recorder: this.#recorder, plans: program.requests });
    app.prompter.script = {
      handle: (request, session) => this.#handle(request, session),
      beforeHead: request => gates.pass(this.#nameOf(request), 'head'),
    };
    for (const request of program.requests.keys()) this.#parkStart(request);
    this.#parkWorld(program.world);
    for (;;) {
      await gates.settle();
      const steps = this.#steps();
      if (steps.length === 0) break;
      const gate = choose(steps, this.#last);
      this.#last = gate.actor;
      this.#recorder.trace.push(`${gate.actor} ${gate.step}`);
      this.#recorder.tick();
      gates.open(gate);
    }
    return this.#finish();
  }

  /** What can happen next: the steps of the requests in the order of their names, and then everything else. */
  #steps(): Gate[] {
    const { gates, globals } = this;
    if (globals.nextDueIn <= SHORT_MS && !gates.parked.some(({ actor }) => actor === 'time')) {
      gates.park('time', 'passes', () => globals.advance(globals.nextDueIn));
    }
    // Without a request that waits, what happens outside changes nothing.
    if (gates.parked.every(isOutside)) return [];
    return gates.parked.toSorted((one, other) =>
      one.actor < other.actor ? -1 : one.actor > other.actor ? 1 : 0,
    );
  }

  // --- the beginning ------------------------------------------------------------------------------------------------

  #seed(start: BrowserStart, browser: number): string | undefined {
    if (start === 'visitor') return undefined;
    const token = newSid();
    if (start === 'forged') return token;
    const { clock, store } = this.app;
    const now = clock.now();
    const endsAt = now + 24 * 3_600_000;
    const user = start === 'guest' ? undefined : start;
    const loggedInAt = user === undefined ? undefined : now;
    const meta = encodeMeta({ createdAt: now, endsAt, user, loggedInAt });
    const data = {
      [fieldOfKey('a')]: JSON.stringify(`b${browser + 1}.a`),
      [fieldOfKey('b')]: JSON.stringify(`b${browser + 1}.b`),
      [fieldOfKey('n')]: '0',
      [fieldOfKey('t')]: JSON.stringify(`b${browser + 1}.t`),
      [flashField(now, `0000${browser}`, 'note')]: JSON.stringify(`b${browser + 1}.f`),
    };
    const id = idOf(token);
    if (user !== undefined) void store.index.add(user, id, endsAt, now);
    void store.create(id, { expiresAt: now + 3_600_000, lastSeenAt: now, meta, data });
    return token;
  }

  #parkStart(request: number): void {
    const plan = this.program.requests[request]!;
    const run = this.#recorder.requests[request]!;
    this.gates.park(this.#nameOf(request), 'start', () => {
      run.startedAt = this.#recorder.tick();
      run.brought = this.#tokens[plan.browser];
      const path = plan.ending === 'answers' ? `/own/${request}` : `/nest/${request}`;
      const begin = (): Exchange =>
        exchange(this.app.server, path, run.brought, {
          onHead: () => {
            this.gates.move();
            run.headAt = this.#recorder.tick();
          },
          onEnd: answer => {
            this.gates.move();
            this.gates.withdraw(`client of ${plan.name}`);
            if (run.leftAt === undefined && answer)
              this.gates.park(this.#nameOf(request), 'answer', () => this.#receive(request, run, answer));
          },
        });
      const connection = caller.run({ request }, begin);
      if (plan.leaves) {
        this.gates.park(`client of ${plan.name}`, 'leaves', () => {
          run.leftAt = this.#recorder.tick();
          connection.leave();
        });
      }
    });
  }

  #receive(request: number, run: RequestRun, answer: NonNullable<RequestRun['answer']>): void {
    run.answer = answer;
    const { browser } = this.program.requests[request]!;
    for (const line of answer.cookies) {
      const isCleared = /;\s*max-age=0\b/i.test(line);
      this.#tokens[browser] = isCleared ? undefined : line.slice('sid='.length, line.indexOf(';'));
    }
  }

  #parkWorld([event, ...later]: readonly WorldEvent[]): void {
    if (event === undefined) return;
    this.gates.park('world', event, () => {
      this.#happen(event);
      this.#parkWorld(later);
    });
  }

  #happen(event: WorldEvent): void {
    const { clock } = this.app;
    switch (event) {
      case 'a minute passes':
        return clock.advance(61_000);
      case 'sessions expire':
        return clock.advance(3_660_000);
      case 'the store stalls':
        clock.advance(STORE_TIMEOUT_MS);
        return this.globals.advance(STORE_TIMEOUT_MS);
    }
  }

  // --- the handlers -------------------------------------------------------------------------------------------------

  async #handle(request: number, session: () => Promise<ScheduledSession>): Promise<void> {
    const { gates } = this;
    const plan = this.program.requests[request]!;
    const run = this.#recorder.requests[request]!;
    try {
      if (plan.operations.length > 0) await session(); // with `load: 'lazy'` this reads it
      run.loadedAt = this.#recorder.tick();
      for (const [i, operation] of plan.operations.entries()) {
        await gates.pass(this.#nameOf(request), describeOperation(operation));
        try {
          await caller.run({ request, operation: i }, () => this.#perform(request, operation, session));
        } catch (error) {
          if (!plan.catches) throw error;
        }
      }
      await gates.pass(this.#nameOf(request), 'handler ends');
      if (plan.ending === 'throws') throw new Error('the handler failed');
    } catch (error) {
      run.handlerFailure = failureOf(error);
      throw error;
    } finally {
      run.handlerEndedAt = this.#recorder.tick();
    }
  }

  async #perform(
    request: number,
    operation: Operation,
    session: () => Promise<ScheduledSession>,
  ): Promise<void> {
    const { operations } = this.#recorder.requests[request]!;
    const mark = `${this.#nameOf(request)}.${operations.length + 1}`;
    const run: OperationRun = { operation, mark, startedAt: this.#recorder.tick() };
    operations.push(run);
    try {
      run.value = await this.#act(operation, await session(), mark);
    } catch (error) {
      run.failure = failureOf(error);
      throw error;
    } finally {
      run.endedAt = this.#recorder.tick();
    }
  }

  async #act(operation: Operation, session: ScheduledSession, mark: string): Promise<unknown> {
    const { sessions } = this.app;
    if ('key' in operation) {
      const { do: verb, key } = operation;
      if (verb === 'set') return session.set(key, mark);
      return verb === 'get' ? session.get(key) : session.delete(key);
    }
    if (operation.do === 'login') return session.login(operation.user, { keep: operation.keep });
    if (operation.do === 'regenerate') return regenerate(session, operation.keep, operation.form);
    if (operation.do === 'revokeByUser') {
      return sessions.revokeByUser(operation.user, operation.sparesOwn ? { except: session.id } : {});
    }
    if (operation.do === 'revoke') {
      const id = this.#initial[operation.browser];
      return id === undefined ? false : sessions.revoke(id);
    }
    if (operation.do === 'update') {
      return session.update('n', async (n: unknown) => {
        await this.gates.pass(mark.slice(0, mark.indexOf('.')), 'computes');
        return ((n as number | undefined) ?? 0) + 1;
      });
    }
    return PLAIN[operation.do](session, mark);
  }

  #nameOf(request: number): string {
    return this.program.requests[request]!.name;
  }

  // --- the end ------------------------------------------------------------------------------------------------------

  async #finish(): Promise<History> {
    const { app, program, globals } = this;
    const { requests, calls, trace } = this.#recorder;
    const hanging = [...requests.entries()]
      .filter(([, run]) => !run.answer && run.leftAt === undefined)
      .map(([i]) => i);
    app.store.enter(undefined);
    // A stall has opened the circuit breaker. After a second, one call closes it.
    globals.advance(STORE_TIMEOUT_MS);
    await app.sessions.ping();
    const end = new Map<string, Content>();
    for (const [id, record] of app.store.records()) {
      if (record.expiresAt > app.clock.now()) end.set(id, contentOf(record));
    }
    const list = async (user: string): Promise<string[]> =>
      (await app.sessions.listByUser(user)).map(info => info.id);
    const listed = { ada: await list('ada'), bob: await list('bob') };
    return {
      program,
      options: app.options,
      requests,
      calls,
      trace,
      initial: this.#initial,
      seeded: this.#seeded,
      end,
      listed,
      hanging,
    };
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof SessionError) return { code: error.code, status: error.getStatus() };
  return { code: error instanceof Error ? error.message : String(error), status: 500 };
}
