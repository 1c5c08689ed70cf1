import { idOf } from '../../lib/crypto/session-id.js';
import { UNUSED_ID } from '../../lib/store/session-store.js';
import type { Content, History, Moment, OperationRun, RequestRun, StoreCall } from './history.js';

/** The arguments of the store's methods, as far as they matter here. */
interface DestroyArguments {
  readonly id: string;
  readonly successor: string | undefined;
}

export interface Written {
  readonly set: Readonly<Record<string, string>>;
  readonly delete: readonly string[];
}

/** A request, with its number and everything that it asked of the store. */
export interface ObservedRequest {
  readonly number: number;
  readonly name: string;
  readonly run: RequestRun;
  readonly calls: readonly StoreCall[];
  /** The id of the cookie that it brought. */
  readonly broughtId: string | undefined;
}

/** How one session began. */
export interface Beginning {
  readonly call: StoreCall;
  readonly content: Content;
}

/** What a history says, in a form that the guarantees can be read from. */
export class Facts {
  readonly requests: readonly ObservedRequest[];
  /** The sessions that were created during the schedule, by id. */
  readonly beginnings = new Map<string, Beginning>();
  /** When each session ended, and by which call. */
  readonly endings = new Map<string, { readonly at: Moment; readonly call: StoreCall }>();
  /** For each id that a rotation replaced, the new id; also if another call had ended the old session before. */
  readonly successors = new Map<string, Set<string>>();
  /** The sessions that the browsers had at the beginning, by id. */
  readonly seeded: ReadonlyMap<string, Content>;
  /** The ids whose token a browser had at the beginning or was sent. */
  readonly handedOut = new Set<string>();

  constructor(readonly history: History) {
    this.seeded = history.seeded;
    this.requests = history.requests.map((run, number) => ({
      number,
      name: history.program.requests[number]!.name,
      run,
      calls: history.calls.filter(call => call.request === number),
      broughtId: run.brought === undefined ? undefined : idOf(run.brought),
    }));
    for (const id of history.initial) if (id !== undefined) this.handedOut.add(id);
    for (const { run } of this.requests) {
      const token = tokenOf(run);
      if (token !== undefined) this.handedOut.add(idOf(token));
    }
    for (const call of history.calls) this.#note(call);
  }

  /** Whether the store stood still at some point. */
  get hasStalled(): boolean {
    return this.history.trace.includes('world the store stalls');
  }

  /** The operation that made a session. */
  makerOf(id: string): OperationRun | undefined {
    const { request, operation } = this.beginnings.get(id)?.call ?? {};
    return this.requests[request ?? -1]?.run.operations[operation ?? -1];
  }

  /** The id that a rotation replaced by this one. */
  parentOf(id: string): string | undefined {
    for (const [parent, heirs] of this.successors) if (heirs.has(id)) return parent;
    return undefined;
  }

  /** The sessions that a request made. */
  madeBy(request: number): string[] {
    return [...this.beginnings].filter(([, { call }]) => call.request === request).map(([id]) => id);
  }

  /** The user of a session, also after its end. */
  userOf(id: string): string | undefined {
    return this.seeded.get(id)?.user ?? this.beginnings.get(id)?.content.user;
  }

  /** When a session was last seen, as the store had it at a moment. */
  lastSeenAt(id: string | undefined, at: Moment): number {
    const writes = this.history.calls.filter(call => (call.effectAt ?? Infinity) < at);
    const change = writes.flatMap(({ changes }) => changes).findLast(one => one.id === id);
    return (change?.after ?? this.seeded.get(id ?? ''))?.lastSeenAt ?? 0;
  }

  /** Whether the session of an id had ended before a moment: by a call, or by its limits. */
  hasEnded(id: string, before: Moment): boolean {
    const ending = this.endings.get(id);
    return (ending !== undefined && ending.at < before) || this.hasExpired(id);
  }

  /** Whether a session had reached its limit before the end of the schedule. */
  hasExpired(id: string): boolean {
    return this.history.trace.includes('world sessions expire') && !this.history.end.has(id);
  }

  /** An id, and all ids that it was rotated to. */
  lineage(id: string): Set<string> {
    const found = new Set([id]);
    for (const one of found) for (const next of this.successors.get(one) ?? []) found.add(next);
    return found;
  }

  #note(call: StoreCall): void {
    if (call.effectAt === undefined) return;
    for (const { id, before, after } of call.changes) {
      if (!before && after) this.beginnings.set(id, { call, content: after });
      if (before && !after) this.endings.set(id, { at: call.effectAt, call });
    }
    const { id, successor } = destroyArguments(call);
    if (successor === undefined) return;
    const known = this.successors.get(id) ?? new Set();
    this.successors.set(id, known.add(successor));
  }
}

/** Whether a request saves what it changed: not after a 5xx, unless the options say so. */
export function savesAtAll({ run }: ObservedRequest, { history }: Facts): boolean {
  return (run.handlerFailure?.status ?? 200) < 500 || history.options.saveOnServerError === true;
}

/** The token that an answer sets. */
export function tokenOf({ answer }: RequestRun): string | undefined {
  const line = answer?.cookies[0];
  return line === undefined || isClearing(line) ? undefined : line.slice('sid='.length, line.indexOf(';'));
}

export const isClearing = (line: string): boolean => /;\s*max-age=0\b/i.test(line);

export function destroyArguments({ verb, args }: StoreCall): DestroyArguments {
  const id = args[0] as string;
  const options = args[2] as { readonly successor?: string } | undefined;
  // A revoke leaves a mark that leads to no session.
  const successor = verb === 'destroy' && options?.successor !== UNUSED_ID ? options?.successor : undefined;
  return { id, successor };
}
