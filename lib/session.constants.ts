/**
 * The token of the module's options: those that `forRoot()` was given or that `forRootAsync()` made. In a testing
 * module, override this provider to replace them all. Nothing of the configured store is then created, connected to or
 * closed, and no factory of `forRootAsync()` is called. The value is what `forRoot()` takes.
 *
 * @example
 * ```ts
 * const testing = await Test.createTestingModule({ imports: [AppModule] })
 *   .overrideProvider(SESSION_OPTIONS)
 *   .useValue('memory')
 *   .compile();
 * ```
 *
 * @publicApi
 */
export const SESSION_OPTIONS = Symbol('SESSION_OPTIONS');

/**
 * The token of the `Clock` that the module and its store read the time from; by default the machine's clock. In a
 * testing module, override this provider with a clock of your own, to let sessions expire without waiting.
 *
 * @example
 * ```ts
 * let now = Date.now();
 * const testing = await Test.createTestingModule({ imports: [AppModule] })
 *   .overrideProvider(SESSION_CLOCK)
 *   .useValue({ now: () => now } satisfies Clock)
 *   .compile();
 * now += 60 * 60 * 1000; // an hour later
 * ```
 *
 * @publicApi
 */
export const SESSION_CLOCK = Symbol('SESSION_CLOCK');

/** The token of the `SessionEngine`, one per application. */
export const SESSION_ENGINE = Symbol('SESSION_ENGINE');
