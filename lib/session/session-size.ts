import { SessionDataError } from '../errors/session.error.js';
import { isDataField, keyOfField } from './session-fields.js';
import type { SessionChange, Texts } from './session-change.js';

/**
 * Refuses a change that makes a session larger than `maxSize`. A change that does not grow the session passes, whatever
 * the size of the session.
 *
 * @throws SessionDataError `SESSION_TOO_LARGE`, naming the largest keys
 */
export function assertFits(texts: Texts, change: SessionChange, maxSizeBytes: number): void {
  // UTF-8 takes at most three bytes for one UTF-16 unit, so a session that fits at that rate need not be measured.
  if ((lengthOf(texts) + lengthOf(change.set)) * 3 <= maxSizeBytes) return;
  if (Object.keys(change.set).length === 0) return;
  const after: Record<string, string> = { ...texts, ...change.set };
  for (const field of change.delete) delete after[field];
  const size = sizeOf(after);
  if (size <= maxSizeBytes || size <= sizeOf(texts)) return;
  throw tooLarge(`${size}`, largestOf(after), maxSizeBytes);
}

/** The error for a single value that exceeds the limit, so that its text was never completed. */
export function valueTooLarge(texts: Texts, field: string, maxSizeBytes: number): SessionDataError {
  const { [field]: _, ...others } = texts;
  const size = `more than ${Math.max(maxSizeBytes, sizeOf(texts))}`;
  return tooLarge(size, [{ key: nameOf(field), size }, ...largestOf(others)], maxSizeBytes);
}

/** The size of a session in encoded bytes. */
export function sizeOf(texts: Texts): number {
  let size = 0;
  for (const field in texts) size += bytesOf(texts, field);
  return size;
}

function lengthOf(texts: Texts): number {
  let length = 0;
  for (const field in texts) length += field.length + (texts[field] as string).length;
  return length;
}

interface Part {
  readonly key: string;
  readonly size: string;
}

function tooLarge(size: string, parts: readonly Part[], maxSizeBytes: number): SessionDataError {
  const largest = parts.slice(0, 3);
  const list = largest.map(part => `${JSON.stringify(part.key)} (${part.size} bytes)`).join(', ');
  return new SessionDataError(
    'SESSION_TOO_LARGE',
    `the session would have ${size} bytes and "maxSize" is ${maxSizeBytes}; largest: ${list}. It was not saved. Keep large data elsewhere and its id in the session`,
    largest.map(({ key }) => key),
  );
}

function largestOf(texts: Texts): Part[] {
  return Object.keys(texts)
    .toSorted((a, b) => bytesOf(texts, b) - bytesOf(texts, a))
    .slice(0, 3)
    .map(field => ({ key: nameOf(field), size: `${bytesOf(texts, field)}` }));
}

const nameOf = (field: string): string => (isDataField(field) ? keyOfField(field) : 'flash message');

/** The kind (`d:`, `f:`) is our own addition, so it is not counted. */
function bytesOf(texts: Texts, field: string): number {
  return Buffer.byteLength(field) - 2 + Buffer.byteLength(texts[field] ?? '');
}
