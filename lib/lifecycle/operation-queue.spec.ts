import { describe, expect, it } from 'vitest';
import { OperationQueue } from './operation-queue.js';

/** Waits until no pending promise callbacks are left. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

/** Operations that the queue starts and the test ends. */
function operations() {
  const log: string[] = [];
  const ends = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  const operation = (name: string) => () => {
    log.push(`${name} begins`);
    return new Promise<string>((resolve, reject) => {
      ends.set(name, { resolve: () => resolve(name), reject });
    }).finally(() => log.push(`${name} ends`));
  };
  return {
    log,
    operation,
    async end(name: string) {
      ends.get(name)?.resolve();
      await settle();
    },
    async fail(name: string) {
      ends.get(name)?.reject(new Error(`${name} failed`));
      await settle();
    },
  };
}

describe('OperationQueue', () => {
  it('starts shared operations immediately, and runs them concurrently', async () => {
    const queue = new OperationQueue();
    const { log, operation, end } = operations();
    const both = Promise.all([queue.runShared(operation('a')), queue.runShared(operation('b'))]);
    expect(log).toEqual(['a begins', 'b begins']);
    await end('b');
    await end('a');
    expect(await both).toEqual(['a', 'b']);
  });

  it('an exclusive operation waits for the earlier ones, and later ones wait for it', async () => {
    const queue = new OperationQueue();
    const { log, operation, end } = operations();
    void queue.runShared(operation('a'));
    void queue.runExclusive(operation('X'));
    void queue.runShared(operation('b'));
    void queue.runShared(operation('c'));
    expect([log, queue.isBusy, queue.isBlocked]).toEqual([['a begins'], true, true]);
    await end('a');
    expect(log).toEqual(['a begins', 'a ends', 'X begins']);
    await end('X');
    expect(log.slice(3)).toEqual(['X ends', 'b begins', 'c begins']);
    await end('b');
    await end('c');
    expect([queue.isBusy, queue.isBlocked]).toEqual([false, false]);
  });

  it('exclusive operations run one after another, in order', async () => {
    const queue = new OperationQueue();
    const { log, operation, end } = operations();
    for (const name of ['X', 'Y', 'Z']) void queue.runExclusive(operation(name));
    expect(log).toEqual(['X begins']);
    for (const name of ['X', 'Y', 'Z']) await end(name);
    expect(log).toEqual(['X begins', 'X ends', 'Y begins', 'Y ends', 'Z begins', 'Z ends']);
  });

  it('an exclusive operation starts immediately if nothing runs', async () => {
    const queue = new OperationQueue();
    const { log, operation, end } = operations();
    const done = queue.runExclusive(operation('X'));
    expect(log).toEqual(['X begins']);
    await end('X');
    expect(await done).toBe('X');
  });

  it('a failure reaches its caller and the listener, and stops no other operation', async () => {
    const heard: unknown[] = [];
    const queue = new OperationQueue(error => heard.push(error));
    const { operation, end, fail } = operations();
    const failed = queue.runExclusive(operation('X')).catch((error: unknown) => error);
    const shared = queue.runShared(operation('a'));
    const last = queue.runExclusive(operation('Y'));
    await fail('X');
    expect(await failed).toEqual(new Error('X failed'));
    expect(heard).toEqual([new Error('X failed')]);
    await end('a');
    await end('Y');
    expect(await Promise.all([shared, last])).toEqual(['a', 'Y']);
    expect([queue.isBusy, queue.isBlocked, heard.length]).toEqual([false, false, 1]);
  });

  it('an operation that is added when an exclusive one ends does not overtake the waiting ones', async () => {
    const queue = new OperationQueue();
    const { log, operation, end } = operations();
    const run = queue.runExclusive(operation('X'));
    const first = queue.runShared(operation('first'));
    const second = run.then(() => queue.runShared(operation('second')));
    await end('X');
    expect(log).toEqual(['X begins', 'X ends', 'first begins', 'second begins']);
    await end('first');
    await end('second');
    expect(await Promise.all([first, second])).toEqual(['first', 'second']);
  });

  it('whenIdle() resolves when everything that was started has settled, failed or not', async () => {
    const queue = new OperationQueue();
    const { operation, end, fail } = operations();
    let isIdle = false;
    queue.runShared(operation('a')).catch(() => undefined);
    void queue.runShared(operation('b'));
    const idle = queue.whenIdle().then(() => (isIdle = true));
    await fail('a');
    expect(isIdle).toBe(false);
    await end('b');
    await idle;
    await expect(queue.whenIdle()).resolves.toBeUndefined();
  });
});
