import type { MongoClient, ServerHeartbeatStartedEvent, TopologyDescription } from 'mongodb';

/** How long the client may look for a server by itself before a spare client looks as well. */
const HEAD_START_MS = 100;

/** How long after a spare that found nothing, or after one that was not needed, the next one is made. */
const PAUSE_MS = 250;

/**
 * How long a spare may look. It can get stuck itself, when the network fails once more. With the pause, the next one
 * has found the server within two seconds.
 */
const SPARE_MS = 1_500;

/** After how long a client that cannot be copied counts as stuck. */
const ALONE_MS = 5_000;

type State =
  /** The client knows a server for its commands. */
  | { readonly is: 'serving' }
  /** The client knows none, so its commands wait. When the timer fires a spare is made. */
  | { readonly is: 'searching'; readonly timer: NodeJS.Timeout }
  | Comparing
  | { readonly is: 'stopped' };

/** The client knows none, and a spare looks as well, until the timer fires. */
interface Comparing {
  readonly is: 'comparing';
  readonly spare: Promise<MongoClient>;
  readonly timer: NodeJS.Timeout;
}

type Checks = ReadonlyMap<string, ServerHeartbeatStartedEvent>;

/** What the watch may do. */
export interface WatchActions {
  /**
   * Makes a client for the same servers, not connected yet.
   *
   * @throws when the client cannot be copied, at once
   */
  makeSpare(): Promise<MongoClient>;
  /** The client is stuck and the spare works. */
  replaceBy(spare: MongoClient): void;
  /** The client seems stuck, and there is no spare to take its place. */
  warn(reason: Error): void;
}

/**
 * Notices that a client is stuck. When a server closes its connections, the driver may begin the check of a server by
 * writing to a socket that has already ended, and then waits for ever. The check neither fails nor times out, no other
 * one begins, and all commands wait for a server in vain. No option of the driver ends that. (Seen with 6.22, 7.8 and
 * 7.9: `Connection.writeCommand()` waits for `drain`, which such a socket does not emit.)
 *
 * A server that is away looks the same at first. So a spare client looks for the servers as well: if it finds one while
 * a check that began before the spare was made has still not ended, the client is stuck.
 */
export class ClientWatch {
  #state: State = { is: 'serving' };
  #description: TopologyDescription | undefined;
  /** The checks that have not ended, by the address of the server. */
  readonly #checks = new Map<string, ServerHeartbeatStartedEvent>();

  constructor(
    readonly client: MongoClient,
    readonly actions: WatchActions,
  ) {
    makeRoomForListeners(client, 1);
    client.on('topologyDescriptionChanged', this.#onDescription);
    client.on('serverHeartbeatStarted', this.#onCheck);
    client.on('serverHeartbeatSucceeded', this.#onChecked);
    client.on('serverHeartbeatFailed', this.#onChecked);
    client.on('topologyClosed', this.#onClosed);
  }

  /** Leaves the client alone. A spare is closed. */
  stop(): Promise<void> {
    const { client } = this;
    if (this.#state.is === 'stopped') return Promise.resolve();
    client.off('topologyDescriptionChanged', this.#onDescription);
    client.off('serverHeartbeatStarted', this.#onCheck);
    client.off('serverHeartbeatSucceeded', this.#onChecked);
    client.off('serverHeartbeatFailed', this.#onChecked);
    client.off('topologyClosed', this.#onClosed);
    makeRoomForListeners(client, -1);
    return this.#become({ is: 'stopped' });
  }

  readonly #onCheck = (check: ServerHeartbeatStartedEvent): void => {
    this.#checks.set(check.connectionId, check);
  };

  readonly #onChecked = ({ connectionId }: { connectionId: string }): void => {
    this.#checks.delete(connectionId);
  };

  readonly #onDescription = ({ newDescription }: { newDescription: TopologyDescription }): void => {
    this.#description = newDescription;
    const isServing = knowsServer(newDescription);
    if (isServing && this.#state.is !== 'serving') void this.#become({ is: 'serving' });
    if (!isServing && this.#state.is === 'serving') this.#search(HEAD_START_MS);
  };

  /** A client that was closed looks for nothing, and a spare would keep the process alive. */
  readonly #onClosed = (): void => {
    this.#checks.clear();
    void this.#become({ is: 'serving' });
  };

  #search(ms: number): void {
    void this.#become({ is: 'searching', timer: setTimeout(() => this.#compare(), ms).unref() });
  }

  #compare(): void {
    const before = new Map(this.#checks);
    let spare: Promise<MongoClient>;
    try {
      spare = this.actions.makeSpare();
    } catch (reason) {
      const timer = setTimeout(() => this.#decideAlone(before, reason as Error), ALONE_MS).unref();
      return void this.#become({ is: 'searching', timer });
    }
    const timer = setTimeout(() => this.#search(PAUSE_MS), SPARE_MS).unref();
    const comparing: Comparing = { is: 'comparing', spare, timer };
    void this.#become(comparing);
    void this.#lookWith(comparing, before);
  }

  async #lookWith(comparing: Comparing, before: Checks): Promise<void> {
    const isWanted = (): boolean => this.#state === comparing;
    let client: MongoClient;
    try {
      client = await comparing.spare;
      await client.connect();
      if (isWanted()) await client.db().command({ ping: 1 });
    } catch {
      if (isWanted()) this.#search(PAUSE_MS); // the spare found no server either
      return;
    }
    // A spare that was closed while it connected is connected now: the driver goes on.
    if (!isWanted()) return closeSpare(comparing.spare);
    if (!this.#hasStuckCheck(before)) return this.#search(PAUSE_MS);
    clearTimeout(comparing.timer);
    this.#state = { is: 'serving' }; // so that stop() does not close the spare
    void this.stop();
    this.actions.replaceBy(client);
  }

  #decideAlone(before: Checks, reason: Error): void {
    if (!this.#hasStuckCheck(before)) return this.#search(PAUSE_MS);
    void this.stop();
    this.actions.warn(reason);
  }

  /** Whether a server is unknown because a check of it, begun before, has still not ended. */
  #hasStuckCheck(before: Checks): boolean {
    return [...before].some(
      ([address, check]) =>
        this.#checks.get(address) === check && this.#description?.servers.get(address)?.type === 'Unknown',
    );
  }

  #become(next: State): Promise<void> {
    const last = this.#state;
    this.#state = next;
    if ('timer' in last) clearTimeout(last.timer);
    return last.is === 'comparing' ? closeSpare(last.spare) : Promise.resolve();
  }
}

/** Whether commands have a server to go to: any one, or the primary of a replica set. */
function knowsServer({ type, hasKnownServers }: TopologyDescription): boolean {
  return hasKnownServers && type !== 'Unknown' && type !== 'ReplicaSetNoPrimary';
}

/** Nothing depends on a spare that is not used: failing to make it or to close it changes nothing. */
async function closeSpare(spare: Promise<MongoClient>): Promise<void> {
  await spare.then(client => client.close(true)).catch(() => undefined);
}

/** Node takes more than ten listeners for a leak, and as many stores may share one client. */
function makeRoomForListeners(client: MongoClient, by: 1 | -1): void {
  const most = client.getMaxListeners();
  if (most > 0) client.setMaxListeners(most + by); // zero means no limit
}
