import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { setTimeout as wait } from 'node:timers/promises';

/** How often, and how long apart, to look whether everything was released. A connection takes a while to close. */
const TRIES = 200;
const WAIT_MS = 10;

/** A timer or a handle of Node. */
interface Resource {
  hasRef?(): boolean;
}

/** Runs something, and returns the kinds of timers and connections that it left open and that hold the process. */
export async function resourcesLeftBy(run: () => Promise<void>): Promise<string[]> {
  const inside = new AsyncLocalStorage<true>();
  const made = new Map<number, { kind: string; resource: Resource }>();
  const hook = createHook({
    init(id, kind, _, resource) {
      if (inside.getStore() && /^Timeout$|WRAP$/.test(kind)) made.set(id, { kind, resource });
    },
    destroy: id => made.delete(id),
  }).enable();
  const held = () => [...made.values()].filter(({ resource }) => resource.hasRef?.()).map(({ kind }) => kind);
  try {
    await inside.run(true, run);
    for (let i = 0; i < TRIES && held().length > 0; i++) await wait(WAIT_MS);
    return held();
  } finally {
    hook.disable();
  }
}
