import { SessionDataError } from '../errors/session.error.js';
import { isDataField, keyOfField } from './session-fields.js';
import type { SessionChange, Texts } from './session-state.js';

/**
 * Refuses a change that makes a session larger than `maxSize`. One that does not grow it passes, however large it is.
 *
 * @throws SessionDataError `SESSION_TOO_LARGE`, naming the largest keys
 */
export function assertFits(texts: Texts, change: SessionChange, maxSizeBytes: number): void {
  if (Object.keys(change.set).length === 0) return;
  const after: Record<string, string> = { ...texts, ...change.set };
  for (const field of change.delete) delete after[field];
  const size = sizeOf(after);
  if (size <= maxSizeBytes || size <= sizeOf(texts)) return;
  const largest = Object.keys(after)
    .toSorted((a, b) => bytesOf(after, b) - bytesOf(after, a))
    .slice(0, 3);
  const keys = largest.map(field => (isDataField(field) ? keyOfField(field) : 'flash message'));
  const list = largest
    .map((field, i) => `${JSON.stringify(keys[i])} (${bytesOf(after, field)} bytes)`)
    .join(', ');
  throw new SessionDataError(
    'SESSION_TOO_LARGE',
    `the session would have ${size} bytes and "maxSize" is ${maxSizeBytes}; largest: ${list}. It was not saved. Keep large data elsewhere and its id in the session`,
    keys,
  );
}

function sizeOf(texts: Texts): number {
  let size = 0;
  for (const field in texts) size += bytesOf(texts, field);
  return size;
}

/** The kind (`d:`, `f:`) is ours and not counted. */
function bytesOf(texts: Texts, field: string): number {
  return Buffer.byteLength(field) - 2 + Buffer.byteLength(texts[field] ?? '');
}
