import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Deferred } from './deferred.js';

/** How the proxy treats the bytes that arrive. */
type Traffic =
  | { readonly is: 'passing' }
  /** The bytes of both directions wait until the gate opens, and then pass in order. */
  | { readonly is: 'held'; readonly gate: Deferred }
  /** Requests pass, replies are lost. */
  | { readonly is: 'silent' }
  /** Requests and replies are lost. */
  | { readonly is: 'dropped' };

const PASSING: Traffic = { is: 'passing' };

/** How a connection ends: with a FIN, like that of a process that closes its sockets, or with a reset. */
export type Cut = 'fin' | 'reset';

/** A proxy between a client and a server on this machine. It simulates the faults of networks. */
export class TcpProxy {
  /** The delay of the next chunk of a reply, in milliseconds. The order of chunks is kept. */
  latencyMs: () => number = () => 0;
  /** How many bytes of requests have passed. */
  requested = 0;
  /** How many connections the proxy has accepted so far. */
  accepted = 0;
  readonly #server: Server;
  /** The two ends of each connection: the client and the server behind the proxy. */
  readonly #clients = new Set<Socket>();
  readonly #targets = new Set<Socket>();
  #port = 0;
  #replyBytesLeft = Infinity;
  #traffic: Traffic = PASSING;

  private constructor(readonly targetPort: number) {
    this.#server = createServer(client => this.#join(client));
  }

  static async start(targetPort: number, port = 0): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort);
    await proxy.#listen(port);
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Lets this many bytes of replies through, then cuts all connections, once. */
  cutAfter(bytes: number): void {
    this.#replyBytesLeft = bytes;
  }

  /** Holds all bytes in both directions until `thaw()`. Connections stay open, and new ones are accepted. */
  freeze(): void {
    if (this.#traffic.is !== 'held') this.#traffic = { is: 'held', gate: new Deferred() };
  }

  /**
   * Loses all replies until `thaw()`. Connections stay open, and new ones are accepted. A connection that has lost
   * bytes stays silent after `thaw()`, because TCP never delivers bytes that come after a gap.
   */
  silence(): void {
    this.#traffic = { is: 'silent' };
  }

  /** Like `silence()`, but loses requests too. */
  dropAll(): void {
    this.#traffic = { is: 'dropped' };
  }

  /** Lets bytes pass again. Held bytes pass first; lost bytes stay lost. */
  thaw(): void {
    const traffic = this.#traffic;
    this.#traffic = PASSING;
    if (traffic.is === 'held') traffic.gate.resolve();
  }

  /** Ends all connections. New ones are accepted. */
  cut(how: Cut): void {
    for (const socket of this.#clients) {
      if (how === 'fin') socket.destroy();
      else socket.resetAndDestroy();
    }
    for (const socket of this.#targets) socket.destroy();
  }

  /** Breaks all connections with a TCP reset. */
  reset(): void {
    for (const socket of [...this.#clients, ...this.#targets]) socket.resetAndDestroy();
  }

  /** Ends all connections and refuses new ones until `accept()`. */
  async refuse(how: Cut = 'reset'): Promise<void> {
    const closed = new Promise(resolve => this.#server.close(resolve));
    this.cut(how);
    await closed;
  }

  /** Accepts connections again, on the same port. */
  async accept(): Promise<void> {
    await this.#listen(this.#port);
  }

  async close(): Promise<void> {
    this.reset();
    if (this.#server.listening) await new Promise(resolve => this.#server.close(resolve));
  }

  async #listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  #join(client: Socket): void {
    const target = connect(this.targetPort, '127.0.0.1');
    this.accepted++;
    const ends = [
      [client, this.#clients, target],
      [target, this.#targets, client],
    ] as const;
    for (const [socket, group, other] of ends) {
      group.add(socket);
      socket.on('error', () => undefined); // this proxy causes such errors on purpose
      socket.on('close', () => {
        group.delete(socket);
        other.destroy();
      });
    }
    this.#pipe(client, ['dropped'], undefined, chunk => {
      this.requested += chunk.length;
      target.write(chunk);
    });
    const latencyMs = (): number => this.latencyMs();
    this.#pipe(target, ['dropped', 'silent'], latencyMs, chunk => {
      client.write(chunk.subarray(0, this.#replyBytesLeft));
      this.#replyBytesLeft -= chunk.length;
      if (this.#replyBytesLeft > 0) return;
      this.#replyBytesLeft = Infinity;
      for (const socket of [...this.#clients, ...this.#targets]) socket.destroySoon();
    });
  }

  #pipe(
    from: Socket,
    lostWhile: readonly Traffic['is'][],
    latencyMs: (() => number) | undefined,
    pass: (chunk: Buffer) => void,
  ): void {
    let last = Promise.resolve();
    let hasGap = false;
    from.on('data', chunk => {
      hasGap ||= lostWhile.includes(this.#traffic.is);
      if (hasGap) return;
      const delay = latencyMs?.() ?? 0;
      const due = delay > 0 ? wait(delay) : undefined;
      last = last.then(async () => {
        await due;
        if (this.#traffic.is === 'held') await this.#traffic.gate.promise;
        pass(chunk);
      });
    });
  }
}
