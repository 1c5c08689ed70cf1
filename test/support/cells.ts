import type { Backend } from './backends.js';
import { platforms, type Platform } from './platforms.js';

/** One adapter over one store. */
export interface Cell<B extends Backend = Backend> {
  readonly platform: Platform;
  readonly backend: B;
}

/** Runs these tests on every adapter over each of the stores. */
export function describeCells<B extends Backend>(
  name: string,
  over: readonly B[],
  tests: (cell: Cell<B>) => void,
): void {
  for (const platform of platforms) {
    describeOver(`${name} on ${platform.name}`, over, backend => tests({ platform, backend }));
  }
}

/** Runs these tests over each of the stores. */
export function describeOver<B extends Backend>(
  name: string,
  over: readonly B[],
  tests: (backend: B) => void,
): void {
  for (const backend of over) backend.describe(`${name} over ${backend.name}`, () => tests(backend));
}
