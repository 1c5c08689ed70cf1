// The load generator, in its own process: raw sockets, with one request at a time on each. The parent sends `open`, then
// any number of `run`, then `close`. Each message is answered when it is done. Every response of the server is checked.
import { connect } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);

class Connection {
  #socket;
  #request;
  #received = NOTHING;
  #onAnswer = () => {};
  #onFault = () => {};

  constructor(port, path, cookie) {
    const lines = [`GET ${path} HTTP/1.1`, 'Host: localhost', ...(cookie ? [`Cookie: ${cookie}`] : [])];
    this.#request = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
      .on('data', chunk => this.#receive(chunk))
      .on('error', error => this.#onFault(error))
      .on('close', () => this.#onFault(new Error('the server closed a connection')));
  }

  opened() {
    return new Promise((resolve, reject) => {
      this.#onFault = reject;
      this.#socket.once('connect', resolve);
    });
  }

  /** Sends requests until the end, and resolves with the latencies after the last response. */
  run(isOver) {
    return new Promise((resolve, reject) => {
      const latencies = [];
      let sentAt = 0;
      const send = () => {
        sentAt = performance.now();
        this.#socket.write(this.#request);
      };
      this.#onFault = reject;
      this.#onAnswer = status => {
        const now = performance.now();
        latencies.push(now - sentAt);
        if (status !== 200) reject(new Error(`a request was answered ${status}`));
        else if (isOver(now)) resolve(latencies);
        else send();
      };
      send();
    });
  }

  close() {
    this.#onFault = () => {};
    this.#socket.destroy();
  }

  #receive(chunk) {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd === -1) return;
    const head = this.#received.latin1Slice(0, headEnd);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1]);
    if (!(this.#received.length >= headEnd + HEAD_END.length + length)) return;
    this.#received = NOTHING;
    this.#onAnswer(Number(head.slice(9, 12)));
  }
}

/**
 * Keeps the event loop from sleeping. A process that writes to a sleeping process pays for waking it. On a virtual
 * machine that costs more than a request, and a slow server pays more often. It is not part of the server's work.
 */
function stayAwake() {
  let isAwake = true;
  const turn = () => isAwake && setImmediate(turn);
  turn();
  return () => (isAwake = false);
}

let connections = [];

const commands = {
  /** Opens one connection for each cookie. An empty cookie is not sent. */
  async open({ port, path, cookies }) {
    connections = cookies.map(cookie => new Connection(port, path, cookie));
    await Promise.all(connections.map(connection => connection.opened()));
  },
  /** Sends requests until the time is up, or until this many have been answered. */
  async run({ seconds = Infinity, requests = Infinity }) {
    const start = performance.now();
    const until = start + seconds * 1000;
    let answered = 0;
    const isOver = now => ++answered >= requests || now >= until;
    const rest = stayAwake();
    const latencies = (await Promise.all(connections.map(connection => connection.run(isOver)))).flat();
    rest();
    const elapsed = performance.now() - start;
    latencies.sort((a, b) => a - b);
    return { requests: latencies.length, elapsed, p50: latencies[latencies.length >> 1] };
  },
  close() {
    for (const connection of connections) connection.close();
  },
};

process.on('message', async message => {
  try {
    process.send({ done: await commands[message.command](message) });
  } catch (error) {
    process.send({ error: `${message.command}: ${error.message}` });
  }
});
process.on('disconnect', () => process.exit());
