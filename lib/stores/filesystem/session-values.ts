/** The last millisecond that a Date can be: a later number is not a moment, and nothing would ever end at it. */
const LAST_MOMENT = 8.64e15;

/** Milliseconds since the epoch. */
export function isMoment(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= LAST_MOMENT;
}

/** Texts by name, nothing else. */
export function isTexts(value: unknown): value is Record<string, string> {
  return isRecordOf(value, text => typeof text === 'string');
}

/** Texts by name, or nothing by name. */
export function isTextsOrNulls(value: unknown): value is Record<string, string | null> {
  return isRecordOf(value, text => text === null || typeof text === 'string');
}

function isRecordOf(value: unknown, isOne: (text: unknown) => boolean): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const name in value) if (!isOne((value as Record<string, unknown>)[name])) return false;
  return true;
}
