/** The options as they were given to `forRoot`, or made by `forRootAsync`. */
export const SESSION_OPTIONS = Symbol('SESSION_OPTIONS');
/** Where the time comes from. Replace it in a testing module to move the time by hand. */
export const SESSION_CLOCK = Symbol('SESSION_CLOCK');
/** Everything that the module runs on, once per application. */
export const SESSION_ENGINE = Symbol('SESSION_ENGINE');
