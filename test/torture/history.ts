/** What one request asks the application to do with its session. */
export const KINDS = [
  'me',
  'set',
  'delete',
  'update',
  'take',
  'flash',
  'flashes',
  'save',
  'reload',
  'touch',
  'throw',
  'login',
  'regenerate',
  'destroy',
  'revoke',
  'revokeByUser',
  'list',
] as const;
export type Kind = (typeof KINDS)[number];

/** The keys that `set`, `save`, `delete` and `take` use. */
export const REGISTERS = ['a', 'b', 'c'] as const;
/** The key that `update` uses: a list, to which each update appends its own value. */
export const COUNTER = 'count';

/** What a session looked like to a handler. */
export interface View {
  readonly id: string;
  readonly user?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What the request asks for. The worker gets it as the body. */
export interface Request {
  readonly kind: Kind;
  readonly key?: string;
  /** Unique in the history. It begins with the name of the browser: `ada#17`. */
  readonly value?: string;
  /** Of `login`, `revokeByUser` and `list`. */
  readonly user?: string;
  /** The id of the session that `revoke` ends. */
  readonly target?: string;
  /** Of `regenerate`. */
  readonly keep?: boolean | readonly string[];
}

/** One request of the history, with its answer. Moments are milliseconds of one clock. */
export interface Op extends Request {
  readonly browser: string;
  readonly process: number;
  readonly sentAt: number;
  readonly answeredAt: number;
  /** The id of the session that the sent cookie names. */
  readonly cookie?: string;
  /** `undefined`: the process was killed. 0: no answer came although the process was there. */
  readonly status?: number;
  /** The code of a `SessionError`. */
  readonly code?: string;
  /** The session at the beginning of the handler; `null`: there was none. Known if the handler succeeded. */
  readonly seen?: View | null;
  readonly result?: unknown;
  /** The id of the session whose cookie the answer sets. */
  readonly setsCookie?: string;
  readonly clearsCookie?: boolean;
}

/**
 * - `done`: the application says that it succeeded.
 * - `refused`: it changed nothing.
 * - `unknown`: it may have been applied, or may be applied later.
 */
export type Outcome = 'done' | 'refused' | 'unknown';

export function outcomeOf({ kind, status, code }: Op): Outcome {
  if (!status) return 'unknown';
  if (status < 300) return 'done';
  if (status === 409 || code === 'SESSION_CONFLICT') return 'refused';
  return kind === 'throw' && status === 500 ? 'refused' : 'unknown';
}

/** When the effect of a request is certainly over: it may be applied late if its outcome is not known. */
export function endOf(op: Op): number {
  return outcomeOf(op) === 'unknown' ? Infinity : op.answeredAt;
}

/** Everything that a request says about the session of its cookie: at its beginning, and after a `reload()`. */
export function viewsOf(op: Op): readonly View[] {
  const reloaded = op.kind === 'reload' && outcomeOf(op) === 'done' ? (op.result as View | null) : null;
  return [op.seen, reloaded].filter(view => view != null);
}

const short = (id: string | undefined): string => id?.slice(0, 6) ?? '-';

/** A request as one line of a report. */
export function describeOp(op: Op): string {
  const { browser, process, sentAt, answeredAt, status, kind, key, value, user, keep, code } = op;
  const asked = [kind, key, value, user, keep === undefined ? undefined : `keep ${JSON.stringify(keep)}`];
  const said = [status ?? 'broken', code, op.result === undefined ? undefined : JSON.stringify(op.result)];
  const seen = op.seen ? `${JSON.stringify(op.seen.data)} as ${op.seen.user ?? 'visitor'}` : op.seen;
  return [
    `${sentAt.toFixed(0)}–${answeredAt.toFixed(0)} ${browser}@${process}`,
    `${asked.filter(Boolean).join(' ')}${op.target === undefined ? '' : ` ${short(op.target)}`}`,
    `cookie ${short(op.cookie)}${op.setsCookie ? ` → ${short(op.setsCookie)}` : op.clearsCookie ? ' cleared' : ''}`,
    `${said.filter(part => part !== undefined).join(' ')}${seen === undefined ? '' : `, saw ${String(seen)}`}`,
  ].join(' | ');
}
