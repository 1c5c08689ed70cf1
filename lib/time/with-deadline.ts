/**
 * Calls `onMissed` once, unless it is cleared within `ms` milliseconds.
 *
 * After a stall (a long synchronous task, a suspended process), Node runs due timers before it reads the replies that
 * already wait in its sockets, and perhaps before it has sent the call that the deadline is for. A plain timer would
 * then report a healthy backend as dead. So the time has three parts: nine tenths; the last tenth, which begins only
 * when the event loop runs again; and one more turn of the event loop, in which waiting replies are read.
 */
export class Deadline {
  #timer: NodeJS.Timeout;
  #turn: NodeJS.Immediate | undefined;

  constructor(ms: number, onMissed: () => void) {
    const lastPart = Math.ceil(ms / 10);
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(() => (this.#turn = setImmediate(onMissed)), lastPart);
    }, ms - lastPart);
  }

  clear(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
  }
}

/**
 * Settles as the promise does, or rejects with `makeError()` if that takes longer than `ms` milliseconds. How the
 * promise settles after that is ignored: a late rejection is not reported as unhandled.
 */
export function withDeadline<T>(promise: PromiseLike<T>, ms: number, makeError: () => Error): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const deadline = new Deadline(Math.max(ms, 0), () => reject(makeError()));
    const clear = (): void => deadline.clear();
    promise.then(clear, clear);
    promise.then(resolve, reject);
  });
}
