import { COUNTER, outcomeOf, REGISTERS, type Kind, type Op, type Request } from './history.js';
import type { Random } from './random.js';
import type { TortureProcess } from './app-process.js';

const BROWSERS = ['ada', 'bob', 'cleo', 'dan'];
/** Requests of one browser at the same time. Most of them meet in one session. */
const TABS = 5;
const USERS = ['anna', 'ben', 'carl'];

/** How often each request is made. */
const WEIGHTS: Readonly<Record<Kind, number>> = {
  me: 8,
  set: 16,
  delete: 5,
  update: 18,
  take: 9,
  flash: 10,
  flashes: 8,
  save: 6,
  reload: 3,
  touch: 3,
  throw: 4,
  login: 5,
  regenerate: 4,
  destroy: 2,
  revoke: 1.5,
  revokeByUser: 0.4,
  list: 2,
};

const KEEPS: readonly Request['keep'][] = [true, true, false, ['a', COUNTER]];

/** A stale tab, or a thief: it sends a cookie that the browser had before. A logout there has to end the new session. */
const oldCookieShare = ({ kind }: Request): number => (kind === 'destroy' ? 0.4 : 0.06);

/** A client that several tabs share. */
class Browser {
  token: string | undefined;
  readonly tokens: string[] = [];

  constructor(readonly name: string) {}

  keep({ token, clearsCookie }: { readonly token?: string; readonly clearsCookie?: boolean }): void {
    if (clearsCookie) this.token = undefined;
    if (token === undefined) return;
    this.token = token;
    this.tokens.push(token);
  }
}

/** The browsers, and the history of their requests. */
export class Browsers {
  readonly history: Op[] = [];
  readonly #browsers = BROWSERS.map(name => new Browser(name));
  readonly #ids = new Map<string, string>();
  #count = 0;

  constructor(
    readonly processes: readonly TortureProcess[],
    readonly random: Random,
  ) {}

  /** Sends random requests from all tabs until a moment of `performance.now()`. */
  async browseUntil(moment: number): Promise<void> {
    const tabs = this.#browsers.flatMap(browser => Array<Browser>(TABS).fill(browser));
    await Promise.all(
      tabs.map(async browser => {
        while (performance.now() < moment) {
          const request = this.#randomRequest(browser);
          const isOld = this.random.chance(oldCookieShare(request));
          const token = isOld ? this.random.pick(browser.tokens.slice(-4)) : browser.token;
          await this.#ask(browser, request, token);
        }
      }),
    );
  }

  /** Reads what has become of every session, when no fault is left. */
  async readAll(): Promise<void> {
    for (const kind of ['me', 'flashes', 'me'] as const) {
      await inParallel(
        this.#browsers.flatMap(browser => browser.tokens.map(token => ({ browser, token }))),
        12,
        ({ browser, token }) => this.#askUntilAnswered(browser, { kind }, token),
      );
      if (kind === 'me') continue;
      for (const user of USERS)
        await this.#askUntilAnswered(this.#browsers[0]!, { kind: 'list', user }, undefined);
    }
  }

  #randomRequest(browser: Browser): Request {
    const { random } = this;
    const kind = random.weighted(WEIGHTS);
    const value = `${browser.name}#${++this.#count}`;
    const key = random.pick(REGISTERS)!;
    switch (kind) {
      case 'set':
      case 'save':
      case 'throw':
      case 'reload':
        return { kind, key, value };
      case 'delete':
      case 'take':
        return { kind, key };
      case 'update':
        return { kind, key: COUNTER, value };
      case 'flash':
        return { kind, value };
      case 'login':
      case 'revokeByUser':
      case 'list':
        return { kind, user: random.pick(USERS)! };
      case 'regenerate':
        return { kind, keep: random.pick(KEEPS)! };
      case 'revoke':
        return { kind, target: this.#anyId() };
      case 'me':
      case 'flashes':
      case 'touch':
      case 'destroy':
        break;
    }
    return { kind };
  }

  /** A session that some browser has, or had a moment ago. */
  #anyId(): string {
    const recent = this.#browsers.flatMap(({ tokens }) => tokens.slice(-2));
    return this.#ids.get(this.random.pick(recent) ?? '') ?? '0'.repeat(64);
  }

  async #ask(browser: Browser, request: Request, token: string | undefined): Promise<Op | undefined> {
    const process = this.random.pick(this.processes.filter(({ isRunning }) => isRunning));
    if (!process) return undefined;
    const sentAt = performance.now();
    const { token: given, ...answer } = await process.ask(request, token);
    const answeredAt = performance.now();
    if (given !== undefined) this.#ids.set(given, answer.setsCookie!);
    browser.keep({ ...answer, ...(given !== undefined && { token: given }) });
    const cookie = token === undefined ? undefined : this.#ids.get(token);
    const op: Op = {
      ...request,
      ...answer,
      browser: browser.name,
      process: this.processes.indexOf(process),
      sentAt,
      answeredAt,
      ...(cookie !== undefined && { cookie }),
    };
    this.history.push(op);
    return op;
  }

  /** A store that was paused is used again soon. Every attempt is part of the history. */
  async #askUntilAnswered(browser: Browser, request: Request, token: string | undefined): Promise<void> {
    const deadline = performance.now() + 20_000;
    for (;;) {
      const op = await this.#ask(browser, request, token);
      if (op && outcomeOf(op) === 'done') return;
      if (performance.now() > deadline)
        throw new Error(`"${request.kind}" still fails after all faults are over`);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }
}

async function inParallel<T>(
  items: readonly T[],
  lanes: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (const item of rest) await work(item);
    }),
  );
}
