import ms, { type StringValue } from 'ms';

/**
 * Parses a duration as users write it: a whole number of milliseconds, or a text that the `ms` package accepts, such as
 * `'90s'`, `'1.5h'` or `'30 days'`. A text without a unit is in milliseconds. A year has 365.25 days. If a text gives a
 * fraction of a millisecond, it is rounded.
 *
 * @returns milliseconds; `undefined` for any other value, and for numbers that are negative, fractional, not finite or
 * beyond the safe integers
 */
export function parseDuration(value: number | string): number | undefined {
  const duration = typeof value === 'string' ? parseText(value) : value;
  return duration !== undefined && Number.isSafeInteger(duration) && duration >= 0 ? duration : undefined;
}

function parseText(text: string): number | undefined {
  if (text === '') return undefined; // the only text for which `ms` throws
  // The types of `ms` omit that it returns `undefined` for an invalid text, and for any text over 100 characters.
  const duration: number | undefined = ms(text as StringValue);
  return duration === undefined ? undefined : Math.round(duration);
}
