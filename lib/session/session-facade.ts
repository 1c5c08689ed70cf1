import type { SessionMembers, SessionOf } from './session.interface.js';

/** The object behind a facade: the members, and access to the data by key. */
export type FacadeTarget = Readonly<Record<keyof SessionMembers, unknown>> & {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
  has(key: string): boolean;
  delete(key: string): boolean;
  keys(): string[];
};

/** The reserved member names, each with the advice that is given when the member is assigned or deleted. */
const ADVICE: Readonly<Record<keyof SessionMembers, string>> = {
  id: 'the store assigns it',
  isNew: 'it is read-only',
  createdAt: 'it is read-only',
  lastSeenAt: 'activity moves it, and so does touch()',
  expiresAt: 'it follows from idleTimeout and absoluteTimeout',
  loggedInAs: 'use login(userId)',
  loggedInAt: 'use login(userId)',
  get: 'use set("get", value)',
  set: 'use set("set", value)',
  has: 'use set("has", value)',
  delete: 'use set("delete", value)',
  clear: 'use set("clear", value)',
  update: 'use set("update", value)',
  take: 'use set("take", value)',
  flash:
    'for messages use session.flash(category, message) and session.flashes() instead of connect-flash; for data of this name use set("flash", value)',
  flashes: 'use set("flashes", value)',
  login: 'use set("login", value)',
  regenerate: 'use set("regenerate", value)',
  destroy: 'use set("destroy", value)',
  save: 'use set("save", value)',
  reload: 'use set("reload", value)',
  touch: 'use set("touch", value)',
};

const MEMBERS: ReadonlySet<string> = new Set(Object.keys(ADVICE));
/**
 * `await session` reads this property. It is always `undefined`, so that a session is never taken for a promise. A data
 * key of this name is reached by `get('then')`.
 */
const THEN = 'then';

const isReserved = (key: string): boolean => MEMBERS.has(key) || key === THEN;

/**
 * The plain-property view: every string except the members' names is a data key. Symbols are never data. The facade has
 * no prototype, so `constructor` and `__proto__` are ordinary keys.
 */
const HANDLER: ProxyHandler<FacadeTarget> = {
  get(session, key) {
    if (typeof key === 'symbol') return Reflect.get(session, key) as unknown;
    if (MEMBERS.has(key)) return memberOf(session, key as keyof SessionMembers);
    if (key === THEN) return undefined;
    return session.get(key);
  },
  set(session, key, value) {
    session.set(dataKey(key), value);
    return true;
  },
  has: (session, key) => typeof key === 'string' && !isReserved(key) && session.has(key),
  deleteProperty(session, key) {
    session.delete(dataKey(key));
    return true;
  },
  ownKeys: session => session.keys().filter(key => !isReserved(key)),
  getOwnPropertyDescriptor(session, key) {
    if (typeof key === 'symbol' || isReserved(key) || !session.has(key)) return undefined;
    return { value: session.get(key), writable: true, enumerable: true, configurable: true };
  },
  defineProperty(session, key, { value, ...accessors }) {
    if ('get' in accessors || 'set' in accessors)
      throw new TypeError(`[session] "${String(key)}" cannot be an accessor: a session holds values`);
    session.set(dataKey(key), value);
    return true;
  },
  getPrototypeOf: () => null,
  setPrototypeOf: () => false,
  preventExtensions: () => false,
};

export function facadeOf(session: FacadeTarget): SessionOf<Record<string, unknown>> {
  return new Proxy(session, HANDLER) as unknown as SessionOf<Record<string, unknown>>;
}

/** Methods are bound, so that they also work when detached: `const { flash } = session`. */
function memberOf(session: FacadeTarget, name: keyof SessionMembers): unknown {
  const member: unknown = session[name];
  return typeof member === 'function' ? (member.bind(session) as unknown) : member;
}

/** @throws TypeError for a name that cannot be assigned; the message says what to do instead */
function dataKey(key: string | symbol): string {
  if (typeof key === 'symbol') throw new TypeError(`[session] ${String(key)}: a session's keys are strings`);
  if (!isReserved(key)) return key;
  const advice = MEMBERS.has(key) ? ADVICE[key as keyof SessionMembers] : 'use set("then", value)';
  throw new TypeError(`[session] "${key}" cannot be assigned or deleted: ${advice}`);
}
