import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Deferred } from './deferred.js';

/** A response as it came, with one character per octet. */
export interface WireAnswer {
  readonly status: number;
  /** The status line and the header lines, unchanged. */
  readonly head: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** All values of a header. */
  all(name: string): string[];
  json<T = unknown>(): T;
}

/** A socket for HTTP/1.1 that the test writes itself, such as invalid requests or several requests at once. */
export class Wire {
  #received = '';
  #isClosed = false;
  #news = new Deferred();

  private constructor(readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.#received += chunk;
      this.#news.resolve();
    });
    const close = (): void => {
      this.#isClosed = true;
      this.#news.resolve();
    };
    socket.on('close', close);
    socket.on('error', close); // a server that refuses a request may reset the connection
  }

  static async open(url: string): Promise<Wire> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    return new Wire(socket);
  }

  send(text: string): void {
    this.socket.write(Buffer.from(text, 'latin1'));
  }

  /** Reads the next response. Pass false for `hasBody` if the request was a HEAD request. */
  async next({ hasBody = true } = {}): Promise<WireAnswer> {
    for (;;) {
      const answer = this.#take(hasBody);
      if (answer) return answer;
      if (this.#isClosed) throw new Error(`the connection was closed after: ${this.#received}`);
      this.#news = new Deferred();
      await this.#news.promise;
    }
  }

  /** The received octets that no call of `next` has taken. */
  get received(): string {
    return this.#received;
  }

  close(): void {
    this.socket.destroy();
  }

  #take(hasBody: boolean): WireAnswer | undefined {
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const head = this.#received.slice(0, end);
    const [statusLine = '', ...lines] = head.split('\r\n');
    const headers = lines.map(line => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    });
    const all = (name: string): string[] => headers.filter(([key]) => key === name).map(([, value]) => value);
    const status = Number(statusLine.split(' ')[1]);
    const isEmpty = !hasBody || status < 200 || status === 204 || status === 304;
    const body = isEmpty ? { text: '', end: end + 4 } : this.#body(end + 4, all);
    if (!body) return undefined;
    this.#received = this.#received.slice(body.end);
    return { status, head, headers, body: body.text, all, json: <T>() => JSON.parse(body.text) as T };
  }

  #body(start: number, all: (name: string) => string[]): { text: string; end: number } | undefined {
    const [length] = all('content-length');
    if (length !== undefined) {
      const end = start + Number(length);
      return this.#received.length < end ? undefined : { text: this.#received.slice(start, end), end };
    }
    if (all('transfer-encoding').includes('chunked')) return this.#chunks(start);
    return this.#isClosed ? { text: this.#received.slice(start), end: this.#received.length } : undefined;
  }

  #chunks(start: number): { text: string; end: number } | undefined {
    let text = '';
    for (let at = start; ;) {
      const lineEnd = this.#received.indexOf('\r\n', at);
      if (lineEnd < 0) return undefined;
      const size = Number.parseInt(this.#received.slice(at, lineEnd), 16);
      const end = lineEnd + 2 + size + 2;
      if (this.#received.length < end) return undefined;
      if (size === 0) return { text, end };
      text += this.#received.slice(lineEnd + 2, lineEnd + 2 + size);
      at = end;
    }
  }
}

/** Sends one request on a new connection. Each entry of `cookies` is the value of one `Cookie` header line. */
export async function exchange(
  url: string,
  request: {
    readonly method?: string;
    readonly path: string;
    /** @default the host of the URL */
    readonly host?: string;
    readonly cookies?: readonly string[];
    readonly headers?: readonly string[];
    readonly body?: string;
  },
): Promise<WireAnswer> {
  const { method = 'GET', path, host = new URL(url).host, cookies = [], headers = [], body } = request;
  const wire = await Wire.open(url);
  try {
    const lines = [
      `${method} ${path} HTTP/1.1`,
      `Host: ${host}`,
      'Connection: close',
      ...headers,
      ...(body === undefined ? [] : ['Content-Type: application/json', `Content-Length: ${body.length}`]),
      // These lines come last, because Node drops lines after the thousandth.
      ...cookies.map(value => `Cookie: ${value}`),
    ];
    wire.send(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
    return await wire.next({ hasBody: method !== 'HEAD' });
  } finally {
    wire.close();
  }
}
