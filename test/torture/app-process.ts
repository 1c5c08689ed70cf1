import { once } from 'node:events';
import { Agent, request as send, type IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import { idOf } from '../../lib/crypto/session-id.js';
import type { SessionModuleOptions } from '../../lib/index.js';
import type { BuiltLib } from '../support/built-lib.js';
import type { Platform } from '../support/platforms.js';
import { startAppProcess, type AppProcess } from '../support/session-app-processes.js';
import type { Op, Request, View } from './history.js';

const WORKER = fileURLToPath(new URL('worker.mjs', import.meta.url));

/** No fault lasts so long. A request without an answer after this time hangs. */
const PATIENCE_MS = 30_000;

/** What an answer says. */
export interface Answer extends Pick<Op, 'status' | 'code' | 'seen' | 'result' | 'clearsCookie'> {
  /** The cookie that the answer sets, and the id that it names. */
  readonly token?: string;
  readonly setsCookie?: string;
}

/** One of the processes of the application. It can be killed and started again. */
export class TortureProcess {
  #app: AppProcess | undefined;
  readonly #agent = new Agent({ keepAlive: true });
  /** Whether no fault of the process itself is under way. */
  isFree = true;

  constructor(
    readonly lib: BuiltLib,
    readonly platform: Platform['name'],
    readonly options: SessionModuleOptions,
    /** The name of a defect in `defects.mjs`. */
    readonly defect?: string,
  ) {}

  get isRunning(): boolean {
    return this.#app !== undefined;
  }

  async start(): Promise<void> {
    this.#app = await startAppProcess(this.lib, this.platform, this.options, {
      worker: WORKER,
      ...(this.defect !== undefined && { env: { TORTURE_DEFECT: this.defect } }),
    });
  }

  async kill(): Promise<void> {
    const app = this.#app;
    this.#app = undefined;
    app?.process.kill('SIGKILL');
    await app?.ended;
  }

  pause(): void {
    this.#app?.process.kill('SIGSTOP');
  }

  resume(): void {
    this.#app?.process.kill('SIGCONT');
  }

  async close(): Promise<void> {
    await this.kill();
    this.#agent.destroy();
  }

  /** Sends a request. It never rejects: a connection that broke is an answer without a status. */
  async ask(request: Request, token: string | undefined): Promise<Answer> {
    const app = this.#app;
    if (!app) return {};
    try {
      return await this.#send(app.url, request, token);
    } catch {
      // The process was killed, or else its answer is missing for no reason.
      return this.#app === app ? { status: 0 } : {};
    }
  }

  async #send(url: string, request: Request, token: string | undefined): Promise<Answer> {
    const body = JSON.stringify(request);
    const outgoing = send(`${url}/${request.kind}`, {
      method: 'POST',
      agent: this.#agent,
      signal: AbortSignal.timeout(PATIENCE_MS),
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...(token !== undefined && { cookie: `sid=${token}` }),
      },
    });
    outgoing.end(body);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of incoming.setEncoding('utf8')) text += String(chunk);
    return { ...parsed(text), ...cookieOf(incoming.headers['set-cookie']), status: incoming.statusCode! };
  }
}

/** An answer that the library writes itself, after a failed commit, has no code. */
function parsed(text: string): Pick<Answer, 'code' | 'seen' | 'result'> {
  const { code, seen, result } = JSON.parse(text) as { code?: string; seen?: View | null; result?: unknown };
  return {
    ...(code !== undefined && { code }),
    ...(seen !== undefined && { seen }),
    ...(result !== undefined && { result }),
  };
}

function cookieOf(lines: readonly string[] = []): Pick<Answer, 'token' | 'setsCookie' | 'clearsCookie'> {
  const value = lines.map(line => /^sid=([^;]*)/.exec(line)?.[1]).find(found => found !== undefined);
  if (value === undefined) return {};
  return value === '' ? { clearsCookie: true } : { token: value, setsCookie: idOf(value) };
}
