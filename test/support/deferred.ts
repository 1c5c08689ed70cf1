/** A promise that the test settles. */
export class Deferred<T = void> {
  resolve!: (value: T) => void;
  reject!: (error: Error) => void;
  readonly promise = new Promise<T>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}

/** A barrier: every caller waits until this many have called, then all continue. */
export function meetingOf(parties: number): () => Promise<void> {
  const meeting = new Deferred();
  let missing = parties;
  return () => {
    if (--missing === 0) meeting.resolve();
    return meeting.promise;
  };
}
