import type { LiveRecord } from './backend/session-backend.interface.js';

/** The facts of a session, without its data. @publicApi */
export interface SessionInfo {
  /** The public handle, as `session.id`. */
  readonly id: string;
  readonly createdAt: Date;
  /** The last use that the store knows of. It lags behind by up to `touchInterval`. */
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
  readonly loggedInAs: string | undefined;
  readonly loggedInAt: Date | undefined;
}

export function infoOf({ identity: { id, meta, moments } }: LiveRecord): SessionInfo {
  return {
    id,
    createdAt: new Date(meta.createdAt),
    lastSeenAt: new Date(moments.lastSeenAt),
    expiresAt: new Date(moments.expiresAt),
    loggedInAs: meta.user,
    loggedInAt: meta.loggedInAt === undefined ? undefined : new Date(meta.loggedInAt),
  };
}
