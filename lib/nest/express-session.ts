interface Layer {
  /** A handler, or a router, which is a function with layers of its own. */
  readonly handle: ((...args: never[]) => unknown) & { readonly stack?: unknown };
}

/** Assignments that only express-session makes. The name of its function is no mark: a bundler changes it. */
const MARKS = [/\.sessionStore\s*=[^=]/, /\.sessionID\s*=[^=]/];

/**
 * Whether express-session was registered with `app.use()`. If it finds a `request.session` it does nothing and says
 * nothing, so its sessions would be missing without a trace. Best effort: middleware of `consumer.apply()` is not
 * found, because Nest registers it inside a closure.
 */
export function usesExpressSession(express: unknown): boolean {
  const { router } = express as { readonly router?: { readonly stack?: readonly Layer[] } };
  return isAmong(router?.stack ?? []);
}

/** @param seen the handlers that were looked at already: a router may be mounted in itself */
function isAmong(layers: readonly Layer[], seen = new Set<unknown>()): boolean {
  return layers.some(({ handle }) => {
    if (seen.has(handle)) return false;
    seen.add(handle);
    if (Array.isArray(handle.stack)) return isAmong(handle.stack as Layer[], seen);
    const source = Function.prototype.toString.call(handle);
    return MARKS.every(mark => mark.test(source));
  });
}
