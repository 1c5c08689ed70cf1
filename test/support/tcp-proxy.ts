import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Deferred } from './deferred.js';

/** Stands between a client and a server on this machine, and does to the connection what networks do. */
export class TcpProxy {
  /** By how many milliseconds the next chunk of a reply comes later. Order is kept. */
  latencyMs: () => number = () => 0;
  /** How many bytes of requests went through. */
  requested = 0;
  /** How many connections were accepted so far. */
  accepted = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #replyBytesLeft = Infinity;
  #gate: Deferred | undefined;

  private constructor(readonly targetPort: number) {
    this.#server = createServer(client => this.#join(client));
  }

  static async start(targetPort: number, port = 0): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort);
    proxy.#server.listen(port, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Lets so many bytes of replies through, then cuts all connections, once. */
  cutAfter(bytes: number): void {
    this.#replyBytesLeft = bytes;
  }

  /** From now on no byte comes through, in neither direction; connections stay open and are accepted. */
  freeze(): void {
    this.#gate ??= new Deferred();
  }

  /** What was held comes through. */
  thaw(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  /** Breaks all connections with a TCP reset. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.reset();
    await new Promise(resolve => this.#server.close(resolve));
  }

  #join(client: Socket): void {
    const target = connect(this.targetPort, '127.0.0.1');
    this.accepted++;
    for (const socket of [client, target]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined); // that is what it is for
      socket.on('close', () => {
        this.#sockets.delete(socket);
        (socket === client ? target : client).destroy();
      });
    }
    this.#pipe(client, undefined, chunk => {
      this.requested += chunk.length;
      target.write(chunk);
    });
    const latencyMs = (): number => this.latencyMs();
    this.#pipe(target, latencyMs, chunk => {
      client.write(chunk.subarray(0, this.#replyBytesLeft));
      this.#replyBytesLeft -= chunk.length;
      if (this.#replyBytesLeft > 0) return;
      this.#replyBytesLeft = Infinity;
      for (const socket of this.#sockets) socket.destroySoon();
    });
  }

  #pipe(from: Socket, latencyMs: (() => number) | undefined, pass: (chunk: Buffer) => void): void {
    let last = Promise.resolve();
    from.on('data', chunk => {
      const delay = latencyMs?.() ?? 0;
      last = last.then(async () => {
        if (delay > 0) await wait(delay);
        await this.#gate?.promise;
        pass(chunk);
      });
    });
  }
}
