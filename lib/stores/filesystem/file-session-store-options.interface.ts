import type { Clock } from '../../time/clock.js';

/** The options of the filesystem store. @publicApi */
export interface FileSessionStoreOptions {
  /**
   * The directory of the sessions. If it does not exist, it is created with mode 0700. All processes of one machine
   * that use the same directory share its sessions. Network file systems do not work.
   * @default './.sessions'
   */
  readonly directory?: string;
  /**
   * Whether every write waits until the disk has the data. With `false`, sessions survive a crash of the process. With
   * `true`, they also survive a power cut, and each write is as slow as the disk.
   * @default false
   */
  readonly durable?: boolean;
  /**
   * The clock that decides which expired sessions the sweep removes. All other methods use the `now` of their call.
   * @default the clock of the machine
   */
  readonly clock?: Clock;
}
