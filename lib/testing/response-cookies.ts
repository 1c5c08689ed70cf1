/**
 * A response of fetch, supertest, Fastify's `inject()` or Node. Its headers are `Headers`, or an object whose names are
 * in lower case.
 *
 * @publicApi
 */
export interface ResponseLike {
  readonly headers: object;
}

/** The `Set-Cookie` lines of a response. */
export function setCookieLinesOf({ headers }: ResponseLike): readonly string[] {
  if (typeof (headers as Partial<Headers>).getSetCookie === 'function')
    return (headers as Headers).getSetCookie();
  const lines = (headers as { readonly 'set-cookie'?: string | readonly string[] })['set-cookie'] ?? [];
  return typeof lines === 'string' ? [lines] : lines;
}
