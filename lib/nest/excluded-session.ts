import { SessionUsageError } from '../errors/session.error.js';
import type { SessionLog } from '../events/session-log.interface.js';
import type { SessionCallback, SessionMembers } from '../session/session.interface.js';

type Operation = (...args: unknown[]) => unknown;

/**
 * The value of `request.session` on a path of `exclude`. Passport and other middleware read `request.session` on every
 * path, so reading has to work there: the data is empty and the facts are those of a visitor. Whatever would change the
 * session fails with the remedy, and the error is logged. One object serves all requests: it holds nothing.
 */
export function makeExcludedSession(log: SessionLog): SessionMembers {
  const refuse = (attempt: string): never => {
    const error = new SessionUsageError(
      `${attempt} failed: this path is in "exclude", so it has no session. Take the path out of "exclude", or do this on another path`,
    );
    log.mistake(error);
    throw error;
  };
  const throwing = (name: string) => (): never => refuse(`session.${name}()`);
  const rejecting = (name: string) => (): Promise<never> => {
    const refused = new Promise<never>(() => refuse(`session.${name}()`));
    refused.catch(() => undefined); // the error is logged, and a promise that is not awaited must not end the process
    return refused;
  };
  const answering = (name: string): Operation => {
    const operation = rejecting(name);
    return (...args) => {
      const callback = args.at(-1);
      const refused = operation();
      if (typeof callback !== 'function') return refused;
      refused.catch((error: unknown) => process.nextTick(callback as SessionCallback, error));
      return undefined;
    };
  };
  const members: Record<keyof SessionMembers, unknown> = {
    id: undefined,
    isNew: true,
    createdAt: undefined,
    lastSeenAt: undefined,
    expiresAt: undefined,
    loggedInAs: undefined,
    loggedInAt: undefined,
    get: () => undefined,
    has: () => false,
    set: throwing('set'),
    delete: throwing('delete'),
    clear: throwing('clear'),
    flash: throwing('flash'),
    flashes: rejecting('flashes'),
    update: rejecting('update'),
    take: rejecting('take'),
    login: rejecting('login'),
    touch: rejecting('touch'),
    regenerate: answering('regenerate'),
    destroy: answering('destroy'),
    save: answering('save'),
    reload: answering('reload'),
  };
  const change = (_: object, key: string | symbol): never => refuse(`Changing session.${String(key)}`);
  return new Proxy<SessionMembers>(Object.assign(Object.create(null) as object, members) as SessionMembers, {
    set: change,
    defineProperty: change,
    deleteProperty: change,
    has: () => false,
    ownKeys: () => [],
    getOwnPropertyDescriptor: () => undefined,
    setPrototypeOf: () => false,
    preventExtensions: () => false,
  });
}
