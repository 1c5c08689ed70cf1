/** A response. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly setCookies: readonly string[];
  readonly text: string;
  json<T = unknown>(): T;
}

export interface RequestOptions {
  /** Sent as a form if it is `URLSearchParams`, otherwise as JSON. */
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** A `Cookie` header to send instead of the cookies in the jar. */
  readonly cookie?: string;
  readonly signal?: AbortSignal;
}

/**
 * A client with a cookie jar. Like a browser, the jar keeps cookies by name, drops expired ones, and refuses cookies
 * that break the rules of `__Host-` or `__Secure-`. Unlike a browser, the client sends `Secure` cookies over plain
 * HTTP. It does not follow redirects.
 */
export class Browser {
  readonly cookies = new Map<string, string>();

  constructor(readonly url: string) {}

  get = (path: string, options?: RequestOptions): Promise<Answer> => this.request('GET', path, options);
  post = (path: string, body?: unknown, options?: RequestOptions): Promise<Answer> =>
    this.request('POST', path, { ...options, body });

  /** The `Cookie` header that the next request will send. */
  get cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** Another client with the same cookies, such as a second tab or a thief. */
  copy(url = this.url): Browser {
    const copy = new Browser(url);
    for (const [name, value] of this.cookies) copy.cookies.set(name, value);
    return copy;
  }

  async request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const { body, headers = {}, cookie = this.cookie, signal } = options;
    const isForm = body instanceof URLSearchParams; // fetch sets the content type of a form
    const response = await fetch(this.url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(cookie && { cookie }),
        ...(body !== undefined && !isForm && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: isForm ? body : JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    const setCookies = response.headers.getSetCookie();
    for (const line of setCookies) this.#keep(line);
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      setCookies,
      text,
      json: <T>() => JSON.parse(text) as T,
    };
  }

  #keep(line: string): void {
    const [pair = '', ...rest] = line.split(';').map(part => part.trim());
    const attributes = new Map(
      rest.map(part => {
        const [attribute = '', value = ''] = part.toLowerCase().split('=');
        return [attribute, value];
      }),
    );
    const name = pair.slice(0, pair.indexOf('='));
    const isSecure = attributes.has('secure');
    if (/^__secure-/i.test(name) && !isSecure) return;
    if (/^__host-/i.test(name) && !(isSecure && attributes.get('path') === '/' && !attributes.has('domain')))
      return;
    if (attributes.get('max-age') === '0') this.cookies.delete(name);
    else this.cookies.set(name, pair.slice(name.length + 1));
  }
}
