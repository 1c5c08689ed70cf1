import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

/** The request that a connection repeats. */
export interface LoadRequest {
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly cookie?: string;
}

export interface LoadAnswer<R extends LoadRequest = LoadRequest> {
  readonly request: R;
  readonly status: number;
  readonly text: string;
  readonly setCookies: readonly string[];
  /** A time of `performance.now()`. */
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly tookMs: number;
}

/** The pause between a response and the next request. Without it, immediate responses would use up the machine. */
const PAUSE_MS = 20;

/** Keep-alive connections that repeat one request each, and all responses. */
export class KeepAliveLoad<R extends LoadRequest> {
  readonly answers: LoadAnswer<R>[] = [];
  /** The errors of requests that got no response. */
  readonly errors: unknown[] = [];
  readonly #end = new AbortController();
  readonly #work: Promise<unknown>;

  /** One connection per request. */
  constructor(
    readonly url: string,
    requests: readonly R[],
  ) {
    this.#work = Promise.all(requests.map(one => this.#ask(one)));
  }

  /** Waits until every connection has finished its last request. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.#work;
  }

  async #ask(what: R): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.#end.signal.aborted) {
      try {
        this.answers.push(await this.#once(what, agent));
      } catch (error) {
        this.errors.push(error);
      }
      await wait(PAUSE_MS);
    }
    agent.destroy();
  }

  #once(what: R, agent: Agent): Promise<LoadAnswer<R>> {
    const { path, method = 'GET', cookie } = what;
    const askedAt = performance.now();
    return new Promise((resolve, reject) => {
      const sent = request(this.url + path, { method, agent, headers: cookie ? { cookie } : {} });
      sent.on('error', reject);
      sent.on('response', response => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => {
          const answeredAt = performance.now();
          resolve({
            request: what,
            status: response.statusCode ?? 0,
            text,
            setCookies: response.headers['set-cookie'] ?? [],
            askedAt,
            answeredAt,
            tookMs: answeredAt - askedAt,
          });
        });
      });
      sent.end();
    });
  }
}
