import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SessionModuleOptions } from '../../lib/index.js';
import { Browser } from './browser.js';
import type { BuiltLib } from './built-lib.js';
import type { Platform } from './platforms.js';

const WORKER = fileURLToPath(new URL('session-app-worker.mjs', import.meta.url));

/** An application that listens in its own process. */
export interface AppProcess {
  readonly process: ChildProcess;
  readonly url: string;
  /** Its output on stderr. */
  readonly complaints: string[];
  /** Resolves with the exit code, or with the signal that ended the process. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  browser(): Browser;
  /** Resolves when a slow handler waits. Call it before the request is sent. */
  reached(): Promise<void>;
  /** Lets that handler continue. */
  go(): void;
}

export interface AppProcessSettings {
  /** The limits of the process, as arguments of `ulimit`. */
  readonly limits?: string;
  /** The program, which sends its port when it listens. Without it: `session-app-worker.mjs`. */
  readonly worker?: string;
  /** Variables of its environment, besides those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function startAppProcess(
  lib: BuiltLib,
  platform: Platform['name'],
  options: SessionModuleOptions,
  { limits, worker = WORKER, env }: AppProcessSettings = {},
): Promise<AppProcess> {
  const command = [process.execPath, worker, lib.directory, platform, JSON.stringify(options)];
  const limited =
    limits === undefined ? command : ['sh', '-c', `ulimit ${limits} && exec "$@"`, 'sh', ...command];
  const [file = '', ...args] = limited;
  const child = spawn(file, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const complaints: string[] = [];
  child.stderr?.on('data', data => complaints.push(String(data)));
  const ended = new Promise<number | NodeJS.Signals | null>(resolve =>
    child.once('exit', (code, signal) => resolve(code ?? signal)),
  );
  const port = await Promise.race([
    said<{ port: number }>(child, message => 'port' in message).then(message => message.port),
    ended.then(code => {
      throw new Error(`the application ended with ${String(code)}: ${complaints.join('')}`);
    }),
  ]);
  const url = `http://127.0.0.1:${port}`;
  return {
    process: child,
    url,
    complaints,
    ended,
    browser: () => new Browser(url),
    reached: async () => void (await said(child, message => 'reached' in message)),
    go: () => void child.send('go'),
  };
}

function said<T extends object>(child: ChildProcess, isIt: (message: object) => boolean): Promise<T> {
  return new Promise(resolve => {
    const listen = (message: object): void => {
      if (!isIt(message)) return;
      child.off('message', listen);
      resolve(message as T);
    };
    child.on('message', listen);
  });
}
