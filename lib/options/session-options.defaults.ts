const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;

/** The defaults of the module. Durations are in milliseconds. */
export const sessionOptionDefaults = Object.freeze({
  /** So that `request.session` works everywhere, guards and Passport included. */
  load: 'eager',
  /** NIST SP 800-63B, AAL2. If `absoluteTimeout` is shorter, this default becomes as short. */
  idleTimeoutMs: HOUR_MS,
  /** NIST SP 800-63B, AAL2: users sign in once a day. */
  absoluteTimeoutMs: 24 * HOUR_MS,
  /** `touchInterval` is this share of `idleTimeout`, … */
  touchIntervalShare: 0.1,
  /** … and at most this. */
  touchIntervalMaxMs: 60 * SECOND_MS,
  /** If a session cannot be read, that is an outage: the user must not look like a visitor. */
  onStoreError: 'fail',
  /** A healthy store answers much sooner. */
  storeTimeoutMs: SECOND_MS,
  /** A store that is down at start-up may be up when it is needed. */
  failFast: false,
  /** If a handler fails, its half-done changes are dropped. */
  saveOnServerError: false,
  /** 64 KiB. Every request reads the session, so it should stay small. */
  maxSizeBytes: 65_536,
  /** `secure` is not here: its default is `true` in production and `'auto'` otherwise. */
  cookie: Object.freeze({
    /** Does not reveal which framework the application uses. With `secure: true` it becomes `__Host-sid`. */
    name: 'sid',
    path: '/',
    /** Hides the cookie from scripts. */
    httpOnly: true,
    /** Always written, because browsers differ in what they do without it. */
    sameSite: 'lax',
    partitioned: false,
  }),
});
