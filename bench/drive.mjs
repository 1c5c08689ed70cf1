// Requests without a network. The server does the same work for them, and neither the kernel nor a second process adds
// noise. The sockets accept every byte immediately.
import { IncomingMessage, ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';

class DummySocket extends Duplex {
  text = '';
  remoteAddress = '127.0.0.1';

  constructor(server) {
    super();
    this.server = server;
  }
  _read() {}
  _write(chunk, _encoding, done) {
    this.text += chunk;
    done();
  }
  _writev(chunks, done) {
    for (const { chunk } of chunks) this.text += chunk;
    done();
  }
  setTimeout() {
    return this;
  }
}

/** Sends one request after another for each cookie, until this many have been answered or the time is up. */
export async function drive(server, { path, cookies, requests = Infinity, seconds = Infinity }) {
  const latencies = [];
  const start = performance.now();
  const until = start + seconds * 1000;
  const client = async cookie => {
    while (latencies.length < requests && performance.now() < until) {
      const sentAt = performance.now();
      await exchange(server, path, cookie);
      latencies.push(performance.now() - sentAt);
    }
  };
  await Promise.all(cookies.map(client));
  const elapsed = performance.now() - start;
  latencies.sort((a, b) => a - b);
  return { requests: latencies.length, elapsed, p50: latencies[latencies.length >> 1] };
}

function exchange(server, path, cookie) {
  return new Promise((resolve, reject) => {
    const socket = new DummySocket(server);
    const request = new IncomingMessage(socket);
    Object.assign(request, {
      method: 'GET',
      url: path,
      httpVersion: '1.1',
      httpVersionMajor: 1,
      httpVersionMinor: 1,
    });
    request.headers = cookie ? { host: 'localhost', cookie } : { host: 'localhost' };
    request.complete = true;
    request.push(null);
    const response = new ServerResponse(request);
    response.shouldKeepAlive = true;
    response.assignSocket(socket);
    response.once('finish', () => {
      response.detachSocket(socket);
      if (socket.text.startsWith('HTTP/1.1 200 ')) setImmediate(resolve);
      else reject(new Error(`${path} was answered ${socket.text.slice(9, 12)}`));
    });
    server.emit('request', request, response);
  });
}
