import { OptionProblems } from '../../store/option-problems.js';
import type { RedisSessionStoreOptions } from './redis-session-store-options.interface.js';

/** @throws TypeError that names every wrong option and its remedy, and never repeats a password */
export function checkOptions(options: RedisSessionStoreOptions): void {
  const { url, connection, client, prefix, waitReplicas } = options;
  const problems = new OptionProblems('redis');
  if (client !== undefined) {
    if (url !== undefined || connection !== undefined) {
      problems.add('client', 'is given together with "url" or "connection"; keep one of them.');
    }
    if (!isClient(client))
      problems.add(
        'client',
        'is not a client of ioredis 5 or 6; write a Redis or a Cluster of that package.',
      );
  }
  if (url !== undefined && !isAddress(url)) {
    problems.add(
      'url',
      'is not an address; write redis://localhost:6379, rediss://… for TLS, or the path of a socket. Percent-encode special characters of the password.',
    );
  }
  if (connection !== undefined && (typeof connection !== 'object' || connection === null)) {
    problems.add('connection', 'is not an object; write an object with options for ioredis.');
  }
  if (prefix !== undefined && (typeof prefix !== 'string' || prefix === '')) {
    problems.add('prefix', 'is not a text, or is empty; write a text that no other key begins with.');
  }
  if (waitReplicas !== undefined && !(Number.isSafeInteger(waitReplicas) && waitReplicas > 0)) {
    problems.add(
      'waitReplicas',
      'is not a whole number above zero; write one, or remove the option to wait for no replica.',
    );
  }
  if (waitReplicas !== undefined && client?.isCluster) {
    problems.add(
      'waitReplicas',
      'does not work with a Cluster; remove it, and set "min-replicas-to-write" on the nodes.',
    );
  }
  problems.throwIfAny();
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
