import type { Facts, ObservedRequest } from './facts.js';
import type { Content, Moment, OperationRun, StoreCall } from './history.js';
import type { Key, Keep } from './program.js';

/** What a response owes to the browser. */
export type OwedCookie = { readonly set: string } | 'clear' | 'nothing';

/** What the session object of a request has to show, and what its request still has to save. */
export interface SessionView {
  /**
   * - `empty`: there is no record.
   * - `stored`: a record has its id.
   * - `ended`: the request was told that another one ended the session.
   * - `unreadable`: the session could not be loaded.
   */
  readonly standing: 'empty' | 'stored' | 'ended' | 'unreadable';
  readonly id: string | undefined;
  readonly user: string | undefined;
  /** What the store holds, as far as the request knows. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly flashes: readonly unknown[];
  /** Assignments that are not saved yet; `undefined` removes the key. */
  readonly pending: Readonly<Record<string, unknown>>;
  readonly newFlashes: readonly unknown[];
  readonly owed: OwedCookie;
}

/** One operation of a handler: what it did, and the session before and after it. */
export interface Step {
  readonly run: OperationRun;
  readonly number: number;
  readonly calls: readonly StoreCall[];
  readonly before: SessionView;
  readonly after: SessionView;
}

/** The life of the session object of one request. */
export interface SessionLife {
  readonly request: ObservedRequest;
  readonly steps: readonly Step[];
  /** The session when the handler had ended. */
  readonly last: SessionView;
  /** The calls of the commit. */
  readonly commit: readonly StoreCall[];
}

const EMPTY: SessionView = {
  standing: 'empty',
  id: undefined,
  user: undefined,
  data: {},
  flashes: [],
  pending: {},
  newFlashes: [],
  owed: 'nothing',
};

/** The unsaved assignments that differ from what the store holds: what has to be written. */
export function changeOf({ data, pending }: SessionView): Record<string, unknown> {
  const isChange = ([key, value]: [string, unknown]): boolean => value !== data[key];
  return Object.fromEntries(Object.entries(pending).filter(isChange));
}

/** Whether a commit or a `save()` has anything to write. */
export function hasChange(view: SessionView): boolean {
  const change = Object.values(changeOf(view));
  const sets = view.newFlashes.length > 0 || change.some(value => value !== undefined);
  return view.standing === 'empty' ? sets : sets || change.length > 0;
}

/** The value that the session has to show for a key. */
export function valueOf({ data, pending }: SessionView, key: string): unknown {
  return Object.hasOwn(pending, key) ? pending[key] : data[key];
}

/** Whether a rotation has to carry a data key over. */
export const keeps = (keep: Keep, key: string): boolean =>
  typeof keep === 'boolean' ? keep : keep.includes(key as Key);

/** Whether the caller had the result of a call by a moment: it did not fail, and it came before the deadline. */
export function wasAnswered(call: StoreCall, by: Moment): boolean {
  return call.settledAt !== undefined && call.settledAt < by && call.failed === undefined;
}

/** Follows a request through its operations. */
export function lifeOf(request: ObservedRequest): SessionLife {
  const { run, calls } = request;
  let view = loadedView(request);
  const steps = run.operations.map((operation, number): Step => {
    const own = calls.filter(call => call.operation === number);
    const before = view;
    view = after(before, request, operation, own);
    return { run: operation, number, calls: own, before, after: view };
  });
  const commit = calls.filter(call => call.operation === undefined && call.verb !== 'load');
  return { request, steps, last: view, commit };
}

function loadedView({ run, calls, broughtId }: ObservedRequest): SessionView {
  if (broughtId === undefined) return EMPTY;
  const load = calls.find(call => call.operation === undefined && call.verb === 'load');
  if (!load && run.operations.length === 0) return EMPTY; // with `load: 'lazy'`
  if (!load || !wasAnswered(load, run.loadedAt ?? Infinity)) {
    return { ...EMPTY, standing: 'unreadable' };
  }
  const content = load.content;
  const isLive = content && (load.settledNow ?? 0) < content.expiresAt;
  return isLive ? stored(EMPTY, broughtId, content) : EMPTY;
}

/** The view of a session as the store holds it, with nothing unsaved. */
function stored(view: SessionView, id: string, { user, data, flashes }: Content): SessionView {
  return {
    ...view,
    standing: 'stored',
    id,
    user,
    data,
    flashes: Object.values(flashes),
    pending: {},
    newFlashes: [],
  };
}

function after(
  before: SessionView,
  request: ObservedRequest,
  run: OperationRun,
  calls: readonly StoreCall[],
): SessionView {
  const { operation } = run;
  if (run.failure) {
    return afterFailure(
      before,
      run,
      calls.filter(call => wasAnswered(call, run.endedAt ?? Infinity)),
    );
  }
  const made = lastCreated(calls);
  if (operation.do === 'set') return { ...before, pending: { ...before.pending, [operation.key]: run.mark } };
  if (operation.do === 'delete') {
    if (valueOf(before, operation.key) === undefined) return before;
    return { ...before, pending: { ...before.pending, [operation.key]: undefined } };
  }
  if (operation.do === 'flash') return { ...before, newFlashes: [...before.newFlashes, run.mark] };
  if (operation.do === 'login' && made) return rotated(before, made, calls);
  if (operation.do === 'regenerate') {
    return made ? rotated(before, made, calls) : regeneratedEmpty(before, operation.keep);
  }
  if (operation.do === 'destroy') {
    return { ...EMPTY, owed: request.broughtId === undefined ? 'nothing' : 'clear' };
  }
  if (operation.do === 'reload') {
    const content = calls.find(call => call.verb === 'load')?.content;
    if (before.id === undefined || !content) return { ...EMPTY, owed: before.owed };
    return stored(before, before.id, content);
  }
  if (wasGone(calls)) return ended(before);
  if (operation.do === 'update') {
    const { n: _, ...pending } = before.pending;
    const next = { ...before, data: { ...before.data, n: run.value }, pending };
    return made ? { ...next, standing: 'stored', id: made, owed: { set: made } } : next;
  }
  if (operation.do === 'take') {
    const { t: _, ...data } = before.data;
    return { ...before, data };
  }
  if (operation.do === 'flashes') {
    const isTaken = new Set(run.value as unknown[]);
    return {
      ...before,
      flashes: before.flashes.filter(message => !isTaken.has(message)),
      newFlashes: before.newFlashes.filter(message => !isTaken.has(message)),
    };
  }
  if (operation.do === 'save') return saved(before, made);
  return before;
}

function afterFailure(
  before: SessionView,
  { operation, failure }: OperationRun,
  calls: readonly StoreCall[],
): SessionView {
  const isRotation = operation.do === 'login' || operation.do === 'regenerate';
  if (!isRotation) return failure?.code === 'SESSION_ENDED' || wasGone(calls) ? ended(before) : before;
  // A rotation may also fail because all sessions of its user were revoked. Then it does not know about its old one.
  const hasFoundItGone = calls.some(
    ({ verb, args, result }) => verb === 'destroy' && args[2] !== undefined && !result,
  );
  return operation.do === 'regenerate' && failure?.code === 'SESSION_ENDED' && hasFoundItGone
    ? ended(before)
    : before;
}

/** The session after everything that was unsaved has been written. */
export function saved(before: SessionView, made: string | undefined): SessionView {
  if (!hasChange(before)) return before;
  const data: Record<string, unknown> = { ...before.data };
  for (const [key, value] of Object.entries(before.pending)) {
    if (value === undefined) delete data[key];
    else data[key] = value;
  }
  const flashes = [...before.flashes, ...before.newFlashes];
  const next = { ...before, data, flashes, pending: {}, newFlashes: [] };
  return made === undefined ? next : { ...next, standing: 'stored', id: made, owed: { set: made } };
}

/** The session after the request was told that another one ended it. */
export function ended(before: SessionView): SessionView {
  if (before.standing !== 'stored') return before;
  return { ...before, standing: 'ended', owed: before.owed === 'clear' ? 'clear' : 'nothing' };
}

function rotated(before: SessionView, made: string, calls: readonly StoreCall[]): SessionView {
  const content = contentAfter(made, calls);
  const view = { ...before, owed: { set: made } };
  return content ? stored(view, made, content) : { ...view, id: made, standing: 'stored' };
}

/** A session without a record gets no id. It keeps what is unsaved and to be carried over. */
function regeneratedEmpty(before: SessionView, keep: Keep): SessionView {
  const pending = Object.fromEntries(Object.entries(before.pending).filter(([key]) => keeps(keep, key)));
  return { ...EMPTY, pending, newFlashes: keep === true ? before.newFlashes : [], owed: before.owed };
}

/** Whether a call told the request that its session is gone. */
export function wasGone(calls: readonly StoreCall[]): boolean {
  return calls.some(
    ({ verb, result, failed }) =>
      failed === undefined &&
      ((verb === 'update' && result === 'gone') || (verb === 'touch' && result === false)),
  );
}

/** The id that the last successful `create` among some calls made. */
export function lastCreated(calls: readonly StoreCall[]): string | undefined {
  return calls.findLast(({ verb, result }) => verb === 'create' && result === true)?.args[0] as
    string | undefined;
}

/** What the last of some calls left in a record. */
export function contentAfter(id: string, calls: readonly StoreCall[]): Content | undefined {
  return calls.flatMap(({ changes }) => changes).findLast(change => change.id === id)?.after;
}

/** The lives of all requests of a schedule. They are computed once. */
export function livesOf(facts: Facts): readonly SessionLife[] {
  const known = lives.get(facts);
  if (known) return known;
  const made = facts.requests.map(lifeOf);
  lives.set(facts, made);
  return made;
}

const lives = new WeakMap<Facts, readonly SessionLife[]>();
