// The public API. Nothing else is.

export { SessionModule } from './session.module.js';
export type { SessionModuleAsyncOptions, SessionOptionsFactory } from './session.providers.js';
export { SESSION_CLOCK, SESSION_OPTIONS } from './session.constants.js';
export { Session } from './session.decorator.js';
export type { SessionData } from './session/session-data.interface.js';
export type {
  FlashMessage,
  SessionCallback,
  SessionMembers,
  SessionValues,
} from './session/session.interface.js';
export { getSession } from './get-session.js';
export type { SessionCarrier } from './nest/request-of.js';
export { Sessions } from './sessions.service.js';
export type { SessionInfo } from './session-info.js';
export type { SessionEvent, SessionRejection } from './events/session-events.js';

export type {
  CommonSessionOptions,
  CustomStoreOptions,
  ForRootOptions,
  SessionModuleOptions,
} from './options/session-options.interface.js';
export type { SessionKeys, SessionSecret } from './options/secret-options.interface.js';
export type { SessionCookieOptions } from './options/cookie-options.interface.js';
export type { SessionStoreType, SessionStoreTypeOptions } from './options/store-types.js';

export { SessionStore, type Awaitable, type DestroyOptions } from './store/session-store.js';
export type {
  SessionMoments,
  SessionRecord,
  SessionUpdate,
  UpdateMismatch,
  UpdateResult,
} from './store/session-record.interface.js';
export type {
  ClosableSessionStore,
  IndexedSessionStore,
  OpenableSessionStore,
  PingableSessionStore,
  PrunableSessionStore,
  SessionIndex,
} from './store/session-store-abilities.interface.js';
export { StoreRefusedError } from './store/store-refused.error.js';
export type { Clock } from './time/clock.js';
export { UnencodableValueError, type SessionCodec } from './codec/session-codec.interface.js';
export { jsonCodec } from './codec/json.codec.js';

export {
  SessionClosedError,
  SessionConflictError,
  SessionDataError,
  SessionError,
  SessionStoreError,
  SessionUsageError,
  type SessionErrorCode,
} from './errors/session.error.js';
export { SessionConfigError, type SessionConfigProblem } from './errors/session-config.error.js';
