const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;

/** Every default of the module. Durations in milliseconds. Two more follow from the surroundings, see below. */
export const sessionOptionDefaults = Object.freeze({
  /** `request.session` works everywhere, guards and Passport included. */
  load: 'eager',
  /** With the absolute limit: NIST SP 800-63B, AAL2. A shorter `absoluteTimeout` pulls this default down with it. */
  idleTimeoutMs: HOUR_MS,
  /** NIST SP 800-63B: sign in again once a day. */
  absoluteTimeoutMs: 24 * HOUR_MS,
  /** `touchInterval` is a tenth of `idleTimeout`, … */
  touchIntervalShare: 0.1,
  /** … but at most this. */
  touchIntervalMaxMs: 60 * SECOND_MS,
  /** A session that cannot be read is an outage, not a visitor. */
  onStoreError: 'fail',
  /** A store that needs longer than this is not answering. */
  storeTimeoutMs: SECOND_MS,
  /** A store that is down when we start may be up when it is needed. */
  failFast: false,
  /** A handler that failed leaves nothing half done. */
  saveOnServerError: false,
  /** 64 KiB: sessions are read on every request, so they should stay small. */
  maxSizeBytes: 65_536,
  /** `secure` is missing here: `true` in production, else `'auto'`. */
  cookie: Object.freeze({
    /** Tells nothing of the framework. With `secure: true` it becomes `__Host-sid`. */
    name: 'sid',
    path: '/',
    /** Out of reach of scripts. */
    httpOnly: true,
    /** Written out, because what browsers do without it differs. */
    sameSite: 'lax',
    partitioned: false,
  }),
});
