import ms, { type StringValue } from 'ms';

/**
 * Milliseconds of a duration as users write it: a whole number of milliseconds, or text as the `ms` package reads it
 * (`'90s'`, `'1.5h'`, `'30 days'`; a year is 365.25 days, text without a unit counts milliseconds). Fractions of a
 * millisecond that text leads to are rounded.
 *
 * `undefined` for everything that is no such duration: negative, fractional, not finite, beyond safe integers, nonsense.
 */
export function parseDuration(value: number | string): number | undefined {
  const duration = typeof value === 'string' ? parseText(value) : value;
  return duration !== undefined && Number.isSafeInteger(duration) && duration >= 0 ? duration : undefined;
}

function parseText(text: string): number | undefined {
  if (text === '') return undefined; // the one text that `ms` throws on
  // Its types leave out the `undefined` of nonsense, which every text of more than 100 characters is.
  const duration: number | undefined = ms(text as StringValue);
  return duration === undefined ? undefined : Math.round(duration);
}
