import type { RedisSessionStoreOptions } from './redis-session-store-options.interface.js';

/** @throws TypeError that names the option and the remedy, and never repeats a password */
export function checkOptions(options: RedisSessionStoreOptions): void {
  const { url, connection, client, prefix, waitReplicas } = options;
  if (client !== undefined) {
    if (url !== undefined || connection !== undefined) {
      wrong('client', 'is given together with "url" or "connection"; keep one of them.');
    }
    if (!isClient(client)) wrong('client', 'is no Redis or Cluster of the package ioredis, 5 or 6.');
  }
  if (url !== undefined && !isAddress(url)) {
    wrong(
      'url',
      'has to look like redis://localhost:6379, rediss://… for TLS, or be the path of a socket. What is special in a password is percent-encoded.',
    );
  }
  if (connection !== undefined && (typeof connection !== 'object' || connection === null)) {
    wrong('connection', 'has to be an object with options for ioredis.');
  }
  if (prefix !== undefined && (typeof prefix !== 'string' || prefix === '')) {
    wrong('prefix', 'has to be a text that is not empty: it keeps sessions apart from all other keys.');
  }
  if (waitReplicas === undefined) return;
  if (!Number.isSafeInteger(waitReplicas) || waitReplicas < 1) {
    wrong('waitReplicas', 'has to be a positive integer. Leave it out to wait for none.');
  }
  if (client?.isCluster) {
    wrong('waitReplicas', 'cannot be had with a Cluster. Set "min-replicas-to-write" on its nodes.');
  }
}

function wrong(option: string, problem: string): never {
  throw new TypeError(`[session:redis] "${option}" ${problem}`);
}

/** Clients of other packages have a `duplicate()` too, but no `call()` and no `status`. */
function isClient(client: unknown): boolean {
  const { duplicate, call, status } = Object(client) as Readonly<Record<string, unknown>>;
  return typeof duplicate === 'function' && typeof call === 'function' && typeof status === 'string';
}

function isAddress(url: unknown): boolean {
  if (typeof url !== 'string') return false;
  return /^\/[^/]/.test(url) || (/^rediss?:\/\//i.test(url) && URL.canParse(url));
}
