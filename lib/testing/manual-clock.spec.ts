import { describe, expect, it } from 'vitest';
import { ManualClock } from './manual-clock.js';

describe('ManualClock', () => {
  it('begins now, and stands still', async () => {
    const before = Date.now();
    const clock = new ManualClock();
    const start = clock.now();
    expect(start).toBeGreaterThanOrEqual(before);
    expect(start).toBeLessThanOrEqual(Date.now());
    await new Promise(resolve => setTimeout(resolve, 5));
    expect(clock.now()).toBe(start);
  });

  it.each([0, 1_700_000_000_000, new Date('2026-01-01')])('begins at %s', start => {
    expect(new ManualClock(start).now()).toBe(Number(start));
  });

  it('advances by milliseconds or by a text', () => {
    const clock = new ManualClock(1_000);
    clock.advance(500);
    expect(clock.now()).toBe(1_500);
    clock.advance('2h');
    expect(clock.now()).toBe(1_500 + 7_200_000);
  });

  it('can be set, also to an earlier moment', () => {
    const clock = new ManualClock(5_000);
    clock.set(2_000);
    expect(clock.now()).toBe(2_000);
    clock.set(new Date(3_000));
    expect(clock.now()).toBe(3_000);
  });

  it.each([-1, NaN, Infinity, 1.5, 'soon', '', '-1h'])(
    'advance(%j) is refused, and the time stays',
    duration => {
      const clock = new ManualClock(1_000);
      expect(() => clock.advance(duration)).toThrow(TypeError);
      expect(clock.now()).toBe(1_000);
    },
  );

  it.each([-1, NaN, Infinity, 1.5, new Date('never')])('%s is not a moment', moment => {
    expect(() => new ManualClock(moment)).toThrow(TypeError);
    expect(() => new ManualClock().set(moment)).toThrow(TypeError);
  });
});
