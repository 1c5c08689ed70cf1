import { describe, expect, it } from 'vitest';
import { parseDuration } from './duration.js';

describe('parseDuration', () => {
  it.each<[number | string, number]>([
    [1, 1],
    [1_800_000, 1_800_000],
    [0, 0],
    ['500ms', 500],
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['1h', 3_600_000],
    ['1.5h', 5_400_000],
    ['.5h', 1_800_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['2w', 1_209_600_000],
    ['1y', 31_557_600_000],
    ['30 days', 2_592_000_000],
    ['10 Minutes', 600_000],
    ['250', 250],
    ['1.1h', 3_960_000],
    ['0.3ms', 0],
  ])('%j is %d ms', (value, expected) => {
    expect(parseDuration(value)).toBe(expected);
  });

  it.each([
    NaN,
    Infinity,
    -Infinity,
    -1,
    1.5,
    1e21,
    '',
    ' ',
    '5 bananas',
    '-1h',
    '1h 30m',
    'h',
    '1e9',
    'Infinity',
    '0x10',
    '9999999999y',
    '1'.repeat(101),
    `${' '.repeat(200)}1h`,
    '１h',
  ])('%j is not a duration', value => {
    expect(parseDuration(value)).toBeUndefined();
  });
});
