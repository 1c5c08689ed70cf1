import { outcomeOf, type Op } from './history.js';

/** Whether a new session began with the data of the one that it replaced. */
type Carries = 'yes' | 'maybe' | 'no';

/** One session of the history. It has one id, and begins with the answer that set its cookie. */
export interface Node {
  readonly id: string;
  readonly browser: string;
  /** A session never changes its user. */
  readonly user: string | undefined;
  readonly createdBy: Op;
  /** The session that a rotation replaced by this one. */
  readonly parent: Node | undefined;
  readonly children: Node[];
  /** The requests that worked on this session. A rotation belongs to the session that it replaces. */
  readonly ops: Op[];
  /** The requests that may have ended this session. */
  readonly ends: Set<Op>;
  /** Of `ends`, those after whose answer the session is certainly gone. */
  readonly sureEnds: Set<Op>;
  /** When the last request was sent that saw this session alive. */
  lastSeenAlive: number;
}

/** A session whose data another session may have: itself, or one that was rotated. */
export interface Ancestor {
  readonly node: Node;
  /** Whether all rotations in between have certainly carried the key. */
  readonly isSure: boolean;
}

/** Flash messages are carried like a key that no list of keys names. */
export const FLASHES = 'flash messages';

/** How long the old id of a rotation leads a destroy to its successor, in milliseconds. */
const MARK_MS = 60_000;

/** The sessions of a history: which of them replaced which, and what may have ended them. */
export class Lineage {
  readonly nodes = new Map<string, Node>();

  constructor(readonly ops: readonly Op[]) {
    const creating = ops.filter(({ setsCookie }) => setsCookie !== undefined);
    // A parent is known before its child: the cookie of the parent was sent by the request that made the child.
    for (const op of creating.toSorted((one, other) => one.answeredAt - other.answeredAt)) this.#add(op);
    for (const op of ops) this.#attach(op);
    // What ended a session certainly depends on everything that may have ended others.
    for (const op of ops) this.#end(op, false);
    for (const op of ops) this.#end(op, true);
  }

  /** The session that a request worked on: the one that it created, or the one that it came with. */
  sessionOf(op: Op): Node | undefined {
    const id = isRotation(op) ? op.cookie : (op.setsCookie ?? op.cookie);
    return id === undefined ? undefined : this.nodes.get(id);
  }

  /** Requests other than `except` that may have ended the session before a moment. */
  endsBefore(node: Node, moment: number, except?: Op): readonly Op[] {
    return [...node.ends].filter(end => {
      // A request that had succeeded before the session was seen alive has not ended it.
      const leftItAlive = outcomeOf(end) === 'done' && node.lastSeenAlive > end.answeredAt;
      return end !== except && end.sentAt < moment && !leftItAlive;
    });
  }

  /** The session and the ones before it whose value of a key it may have. */
  ancestors(node: Node, key: string): readonly Ancestor[] {
    const found: Ancestor[] = [];
    let isSure = true;
    for (let at: Node | undefined = node; at; at = at.parent) {
      found.push({ node: at, isSure });
      const carries = this.#carries(at, key);
      if (carries === 'no') break;
      isSure &&= carries === 'yes';
    }
    return found;
  }

  /** Whether a request has certainly written, if it says that it succeeded. */
  hasSurelyWritten(op: Op, node: Node): boolean {
    if (outcomeOf(op) !== 'done') return false;
    // The change of a session that another request has ended meanwhile is dropped, if it was not saved explicitly.
    const isExplicit = ['update', 'take', 'flashes', 'save'].includes(op.kind);
    if (isExplicit || op.setsCookie !== undefined) return true;
    return this.endsBefore(node, op.answeredAt, op).length === 0;
  }

  #add(op: Op): void {
    const id = op.setsCookie!;
    if (this.nodes.has(id)) return;
    const parent = isRotation(op) && op.seen !== null ? this.nodes.get(op.cookie ?? '') : undefined;
    const user = op.kind === 'login' ? op.user : isKeeping(op) ? parent?.user : undefined;
    const { browser } = op;
    const node: Node = {
      id,
      browser,
      user,
      createdBy: op,
      parent,
      children: [],
      ops: [],
      ends: new Set(),
      sureEnds: new Set(),
      lastSeenAlive: -Infinity,
    };
    parent?.children.push(node);
    this.nodes.set(id, node);
  }

  #attach(op: Op): void {
    this.sessionOf(op)?.ops.push(op);
    const seen = op.seen ? this.nodes.get(op.seen.id) : undefined;
    if (seen) seen.lastSeenAlive = Math.max(seen.lastSeenAlive, op.sentAt);
  }

  #end(op: Op, surely: boolean): void {
    const outcome = outcomeOf(op);
    if (outcome === 'refused' || (surely && outcome === 'unknown')) return;
    if (op.kind === 'revokeByUser') {
      for (const node of this.nodes.values()) {
        if (node.user !== op.user || (surely && node.createdBy.answeredAt >= op.sentAt)) continue;
        (surely ? node.sureEnds : node.ends).add(op);
      }
      return;
    }
    const node = this.nodes.get((op.kind === 'revoke' ? op.target : op.cookie) ?? '');
    if (!node) return;
    if (isRotation(op) && op.seen !== null) (surely ? node.sureEnds : node.ends).add(op);
    if (op.kind === 'destroy' || op.kind === 'revoke') this.#endTrail(node, op, surely);
  }

  /** A destroy follows the marks that rotations leave, from the id that it was given to the live session. */
  #endTrail(node: Node, op: Op, surely: boolean): void {
    (surely ? node.sureEnds : node.ends).add(op);
    for (const child of node.children) {
      const { createdBy } = child;
      const isMarked =
        createdBy.answeredAt < op.sentAt &&
        op.answeredAt - createdBy.sentAt < MARK_MS &&
        outcomeOf(createdBy) === 'done' &&
        this.#hasWon(child);
      if (!surely || isMarked) this.#endTrail(child, op, surely);
    }
  }

  #carries(node: Node, key: string): Carries {
    const { createdBy: op, parent } = node;
    if (!parent) return 'no';
    const isOtherUser = op.kind === 'login' && parent.user !== undefined && parent.user !== op.user;
    if (isOtherUser || (op.kind === 'regenerate' && !isKept(op.keep, key))) return 'no';
    return outcomeOf(op) === 'done' && this.#hasWon(node) ? 'yes' : 'maybe';
  }

  /** Whether the rotation that made this session has certainly ended the old one itself. */
  #hasWon({ createdBy, parent }: Node): boolean {
    // A `regenerate()` that keeps data is refused if another request ended the session first.
    if (isKeeping(createdBy)) return true;
    return parent !== undefined && this.endsBefore(parent, createdBy.answeredAt, createdBy).length === 0;
  }
}

export const isRotation = ({ kind }: Op): boolean => kind === 'login' || kind === 'regenerate';

const isKeeping = ({ kind, keep = false }: Op): boolean => kind === 'regenerate' && keep !== false;

function isKept(keep: Op['keep'] = false, key: string): boolean {
  return typeof keep === 'boolean' ? keep : keep.includes(key);
}
