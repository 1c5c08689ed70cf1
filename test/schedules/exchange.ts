import type { Server } from 'node:http';
import { duplexPair } from 'node:stream';
import type { Answer } from './history.js';

export interface Exchange {
  /** The client closes the connection. */
  leave(): void;
}

/**
 * Sends one request to a server over a connection in memory: real HTTP, in a fixed number of turns of the event loop.
 *
 * @param onHead is called when the head of the answer arrives, and `onEnd` when the connection has ended
 */
export function exchange(
  server: Server,
  path: string,
  token: string | undefined,
  { onHead, onEnd }: { onHead(): void; onEnd(answer: Answer | undefined): void },
): Exchange {
  const [client, remote] = duplexPair();
  let text = '';
  client.setEncoding('latin1');
  client.on('data', (chunk: string) => {
    if (text === '') onHead();
    text += chunk;
  });
  client.on('error', () => undefined); // after `leave()`
  remote.on('error', () => undefined);
  client.once('close', () => onEnd(text === '' ? undefined : answerOf(text)));
  client.once('end', () => client.destroy());
  server.emit('connection', remote);
  const cookie = token === undefined ? '' : `Cookie: sid=${token}\r\n`;
  client.write(`GET ${path} HTTP/1.1\r\nHost: shop.test\r\n${cookie}Connection: close\r\n\r\n`);
  return {
    leave() {
      client.destroy();
      remote.destroy();
    },
  };
}

function answerOf(text: string): Answer {
  const [head = ''] = text.split('\r\n\r\n', 1);
  const [first = '', ...lines] = head.split('\r\n');
  const headers: Record<string, string> = {};
  const cookies: string[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    const [name, value] = [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    if (name !== 'set-cookie') headers[name] = value;
    else if (value.startsWith('sid=')) cookies.push(value);
  }
  return { status: Number(first.split(' ')[1]), headers, cookies };
}
