interface Layer {
  /** A handler, or a router, which is a function with layers of its own. */
  readonly handle: ((...args: never[]) => unknown) & { readonly stack?: unknown };
}

/** What only express-session assigns. Its function's name would be lost to a bundler, and may be anybody's. */
const MARKS = [/\.sessionStore\s*=[^=]/, /\.sessionID\s*=[^=]/];

/**
 * Whether express-session is among what was registered with `app.use()`. It steps aside in silence when it finds a
 * `request.session`, so nobody would notice. What a module's `consumer.apply()` registers is out of sight in a closure.
 */
export function usesExpressSession(express: unknown): boolean {
  const { router } = express as { readonly router?: { readonly stack?: readonly Layer[] } };
  return isAmong(router?.stack ?? []);
}

/** @param seen a router may be mounted in itself, and anything may have a `stack` that is something else */
function isAmong(layers: readonly Layer[], seen = new Set<unknown>()): boolean {
  return layers.some(({ handle }) => {
    if (seen.has(handle)) return false;
    seen.add(handle);
    if (Array.isArray(handle.stack)) return isAmong(handle.stack as Layer[], seen);
    const source = Function.prototype.toString.call(handle);
    return MARKS.every(mark => mark.test(source));
  });
}
