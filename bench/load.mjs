// The load generator, in a process of its own: raw sockets, one request at a time on each. Its parent says `open`, then
// `run` as often as it likes, then `close`; each is answered when it is done. Every answer of the server is checked.
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

  /** Sends until it is over, and resolves with the latencies when the last answer is here. */
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
 * Keeps the event loop from sleeping. To wake a process costs the one that writes to it: on a virtual machine more than a
 * request does, and the slower the server, the more often. That is not the server's work.
 */
function stayAwake() {
  let isAwake = true;
  const turn = () => isAwake && setImmediate(turn);
  turn();
  return () => (isAwake = false);
}

let connections = [];

const commands = {
  /** One connection for each cookie; an empty one is not sent. */
  async open({ port, path, cookies }) {
    connections = cookies.map(cookie => new Connection(port, path, cookie));
    await Promise.all(connections.map(connection => connection.opened()));
  },
  /** Until the time is up, or until so many requests have been answered. */
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
