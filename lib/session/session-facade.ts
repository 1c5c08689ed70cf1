import type { HttpSession } from './http-session.js';
import type { SessionMembers, SessionOf } from './session.interface.js';

/** How each member is reached; and, for those that somebody may try to assign, what to do instead. */
const REMEDIES: Readonly<Record<keyof SessionMembers, string>> = {
  id: 'the store assigns it',
  isNew: 'it is a fact',
  createdAt: 'it is a fact',
  lastSeenAt: 'it moves with activity; see touch()',
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
    'use session.flash(category, message) and session.flashes() instead of connect-flash; for data of this name, set("flash", value)',
  flashes: 'use set("flashes", value)',
  login: 'use set("login", value)',
  regenerate: 'use set("regenerate", value)',
  destroy: 'use set("destroy", value)',
  save: 'use set("save", value)',
  reload: 'use set("reload", value)',
  touch: 'use set("touch", value)',
};

const MEMBERS: ReadonlySet<string> = new Set(Object.keys(REMEDIES));
/** `await session` asks for it. A session is no promise, whatever its data says; the data is reached by `get('then')`. */
const THEN = 'then';

const isReserved = (key: string): boolean => MEMBERS.has(key) || key === THEN;

/**
 * The plain-property view: every string is a data key, except the members' names. Symbols are never data. There is no
 * prototype behind it, so `constructor` or `__proto__` are keys like any other.
 */
const HANDLER: ProxyHandler<HttpSession> = {
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

export function facadeOf(session: HttpSession): SessionOf<Record<string, unknown>> {
  return new Proxy(session, HANDLER) as unknown as SessionOf<Record<string, unknown>>;
}

/** Members work when detached, too: `const { flash } = session`. */
function memberOf(session: HttpSession, name: keyof SessionMembers): unknown {
  const member: unknown = session[name];
  return typeof member === 'function' ? (member.bind(session) as unknown) : member;
}

/** @throws TypeError for a name that cannot be assigned, saying what to do instead */
function dataKey(key: string | symbol): string {
  if (typeof key === 'symbol') throw new TypeError(`[session] ${String(key)}: a session's keys are strings`);
  if (!isReserved(key)) return key;
  const remedy = MEMBERS.has(key) ? REMEDIES[key as keyof SessionMembers] : 'use set("then", value)';
  throw new TypeError(`[session] "${key}" cannot be assigned or deleted: ${remedy}`);
}
