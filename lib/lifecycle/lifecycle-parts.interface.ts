import type { SessionBackend } from '../backend/session-backend.interface.js';
import type { SessionCookie } from '../cookie/session-cookie.js';
import type { SessionEvents } from '../events/session-events.js';
import type { SessionLog } from '../events/session-log.interface.js';
import type { ResolvedSessionOptions } from '../options/resolved-session-options.interface.js';
import type { Clock } from '../time/clock.js';
import type { LateChanges } from './late-changes.js';
import type { AnswerParts } from './session-answer.js';
import type { SessionOperations } from './session-operations.js';
import type { SessionTrace } from './session-trace.js';
import type { SessionWriter } from './session-writer.js';

/** What all requests of one application share. */
export interface LifecycleParts {
  readonly options: ResolvedSessionOptions;
  readonly backend: SessionBackend;
  readonly cookie: SessionCookie;
  readonly writer: SessionWriter;
  readonly operations: SessionOperations;
  readonly answerParts: AnswerParts;
  readonly lateChanges: LateChanges;
  readonly clock: Clock;
  readonly events: SessionEvents;
  readonly log: SessionLog;
  readonly trace: SessionTrace;
}
