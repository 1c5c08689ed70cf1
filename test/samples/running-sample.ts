import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

const isSource = (path: string): boolean => !/[/\\](dist|\.sessions)$/.test(path);

/**
 * The samples, beside the packed package: `nestjs-http-session` is there what a user installs. They are compiled and
 * started by the script that `npm start` runs.
 */
export class Samples {
  readonly #running = new Set<ChildProcess>();

  private constructor(readonly folder: string) {}

  static async copy(): Promise<Samples> {
    const folder = await mkdtemp(join(inject('consumer'), 'samples-'));
    for (const name of ['sample', 'scripts/sample.mjs', 'tsconfig.json']) {
      await cp(join(root, name), join(folder, name), { recursive: true, filter: isSource });
    }
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    return new Samples(folder);
  }

  /** Starts a sample on a free port. Its sessions are those of the last time. */
  async start(name: string, settings: Readonly<Record<string, string>> = {}): Promise<RunningSample> {
    const { NODE_ENV: _, VITEST: __, NODE_OPTIONS: ___, ...env } = process.env;
    const child = spawn(process.execPath, ['scripts/sample.mjs', name], {
      cwd: this.folder,
      env: { ...env, PORT: '0', ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a group of its own, so that a kill reaches the application as well as the script
    });
    this.#running.add(child);
    const ended = once(child, 'close').then(() => void this.#running.delete(child));
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const url = await new Promise<string>((resolve, reject) => {
      createInterface(child.stdout).on('line', line => {
        output += `${line}\n`;
        const [found] = /http:\S+/.exec(line) ?? [];
        if (found !== undefined) resolve(found);
      });
      child.on('close', () => reject(new Error(`${name} ended before it listened:\n${output}`)));
    });
    const end = async (signal: NodeJS.Signals): Promise<void> => {
      if (this.#running.has(child)) signalGroup(child, signal);
      await ended;
    };
    return { url, output: () => output, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
  }

  async dispose(): Promise<void> {
    for (const child of this.#running) signalGroup(child, 'SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }
}

export interface RunningSample {
  readonly url: string;
  /** What it has printed so far. */
  output(): string;
  /** Without a chance to tidy up. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid !== undefined) process.kill(-pid, signal);
}
