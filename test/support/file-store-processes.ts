import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { BuiltLib } from './built-lib.js';

const WORKER = fileURLToPath(new URL('file-store-worker.mjs', import.meta.url));

/** A running worker process. */
export interface Worker {
  readonly process: ChildProcess;
  /** The lines that it has printed so far, without `ready`. */
  readonly lines: string[];
  /** Resolves when the worker is ready. */
  readonly ready: Promise<void>;
  /** Resolves with the lines if the worker exits with 0 or is killed by a signal. Otherwise rejects with its stderr. */
  readonly ended: Promise<string[]>;
}

export function startWorker(
  lib: BuiltLib,
  directory: string,
  job: string,
  options: object,
  identity: { uid?: number } = {},
): Worker {
  const child = spawn(
    process.execPath,
    [WORKER, lib.directory, directory, job, JSON.stringify(options)],
    identity,
  );
  const lines: string[] = [];
  let complaint = '';
  child.stderr.on('data', data => (complaint += String(data)));
  const output = createInterface({ input: child.stdout });
  const ready = new Promise<void>(resolve => output.once('line', () => resolve()));
  output.on('line', line => void (line !== 'ready' && lines.push(line)));
  const exited = new Promise<number | null>(resolve => child.once('exit', resolve));
  const read = new Promise<void>(resolve => output.once('close', resolve));
  const ended = Promise.all([exited, read]).then(([code]) => {
    if (code === 0 || code === null) return lines;
    throw new Error(complaint || `the worker exited with ${code}`);
  });
  return { process: child, lines, ready, ended };
}
