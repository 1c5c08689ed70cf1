import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

/** What one connection asks for, again and again. */
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
  /** Of `performance.now()`. */
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly tookMs: number;
}

/** Between an answer and the next request of a connection: answers that come at once would be all that is done. */
const PAUSE_MS = 20;

/** Keep-alive connections, each of which asks one thing after the other without end; and all that they were answered. */
export class KeepAliveLoad<R extends LoadRequest> {
  readonly answers: LoadAnswer<R>[] = [];
  /** Requests without an answer. */
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

  /** Lets every connection finish what it asked last. */
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
