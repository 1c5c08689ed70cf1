import { Observable, Subscription, type Observer, type OperatorFunction } from 'rxjs';

type Listener<T> = Partial<Observer<T>> | ((value: T) => void) | null;

/**
 * An observable whose listeners cannot end the process.
 *
 * RxJS rethrows an error of a listener where no code can catch it, as an uncaught exception. This class wraps every
 * listener and reports its error instead. The listener stays subscribed, as with RxJS. If the listener returns a
 * promise, a rejection of it is reported too.
 *
 * What `pipe()` returns is protected in the same way. What `merge()` and similar functions build out of several
 * observables is not, because its listeners subscribe to an observable of RxJS itself.
 */
export class EventStream<T> extends Observable<T> {
  readonly #report: (error: unknown) => void;

  constructor(source: Observable<T>, report: (error: unknown) => void) {
    super(subscriber => source.subscribe(subscriber));
    this.#report = report;
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- the overloads of RxJS say which types these are
  override pipe(...operators: OperatorFunction<any, any>[]): Observable<any> {
    const piped = operators.reduce<Observable<unknown>>((stream, operator) => operator(stream), this);
    return new EventStream(piped, this.#report);
  }

  override subscribe(
    listener?: Listener<T>,
    onError?: ((error: unknown) => void) | null,
    onComplete?: (() => void) | null,
  ): Subscription {
    // An operator's subscription to its source. It passes errors on to the listener by itself.
    if (listener instanceof Subscription) return super.subscribe(listener);
    const observer =
      typeof listener === 'object' && listener !== null
        ? listener
        : { next: listener, error: onError, complete: onComplete };
    return super.subscribe({
      next: value => this.#call(() => observer.next?.(value)),
      error: (cause: unknown) => {
        if (observer.error) this.#call(() => observer.error?.(cause));
        else this.#report(cause);
      },
      complete: () => this.#call(() => observer.complete?.()),
    });
  }

  #call(handler: () => unknown): void {
    try {
      const result = handler();
      if (result instanceof Promise) result.catch(this.#report);
    } catch (error) {
      this.#report(error);
    }
  }
}
