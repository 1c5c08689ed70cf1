import { describe, expect, it } from 'vitest';
import { SessionEvents, type SessionEvent } from './session-events.js';

const created: SessionEvent = { type: 'created', id: 'a'.repeat(64) };
const expired: SessionEvent = { type: 'expired', id: 'b'.repeat(64), reason: 'idle' };

describe('SessionEvents', () => {
  it('tells everybody who listens at the time, in order', () => {
    const events = new SessionEvents();
    const [early, late]: SessionEvent[][] = [[], []];
    events.emit(created);
    events.events$.subscribe(event => early!.push(event));
    events.emit(expired);
    events.events$.subscribe(event => late!.push(event));
    events.emit(created);
    expect([early, late]).toEqual([[expired, created], [created]]);
  });

  it('ends with the application: listeners complete, and nothing follows', () => {
    const events = new SessionEvents();
    const seen: unknown[] = [];
    events.events$.subscribe({ next: event => seen.push(event), complete: () => seen.push('complete') });
    events.complete();
    events.emit(created);
    expect(seen).toEqual(['complete']);
  });

  it('can only be listened to from outside', () => {
    const { events$ } = new SessionEvents();
    expect(events$).not.toHaveProperty('next');
  });
});
