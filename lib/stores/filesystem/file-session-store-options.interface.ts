import type { Clock } from '../../time/clock.js';

/** Where the files are and how safe they are. @publicApi */
export interface FileSessionStoreOptions {
  /**
   * The directory that holds the sessions, made with mode 0700 when it is not there. All processes of one machine that
   * name it share the sessions. Not for network file systems.
   * @default './.sessions'
   */
  readonly directory?: string;
  /**
   * Whether each write is forced to the disk before it counts. Without it sessions survive any crash of the process;
   * with it also a power cut, and a write takes as long as the disk does.
   * @default false
   */
  readonly durable?: boolean;
  /**
   * Tells when to collect what has expired. The verbs go by the `now` they are given.
   * @default the machine's clock
   */
  readonly clock?: Clock;
}
