/** The promise of an operation. It knows whether the handler has asked for the outcome. */
class OperationPromise<T> extends Promise<T> {
  isAwaited = false;

  /** `then()` and `catch()` make ordinary promises. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- a promise is one
  override then<Value = T, Reason = never>(
    onValue?: ((value: T) => Value | PromiseLike<Value>) | null,
    onReason?: ((reason: unknown) => Reason | PromiseLike<Reason>) | null,
  ): Promise<Value | Reason> {
    this.isAwaited = true;
    return super.then(onValue, onReason);
  }
}

const doNothing = (): void => undefined;

/**
 * Returns a promise of the operation. If the operation fails and the handler has not awaited the promise, the failure
 * is reported. It must not become an unhandled rejection, because that would end the process.
 */
export function watchOperation<T>(operation: Promise<T>, report: (error: unknown) => void): Promise<T> {
  const promise = new OperationPromise<T>((resolve, reject) => void operation.then(resolve, reject));
  void Promise.prototype.then.call(promise, undefined, doNothing); // does not count as awaited
  void operation.catch((error: unknown) => {
    setImmediate(() => {
      if (!promise.isAwaited) report(error);
    });
  });
  return promise;
}
