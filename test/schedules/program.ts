export type User = 'ada' | 'bob';
/** Keys that are assigned and deleted. `n` is counted with `update()`, and `t` is a one-time token for `take()`. */
export type Key = 'a' | 'b';
export type Keep = boolean | readonly Key[];

/** Operations that need no further word. */
export type PlainOperation =
  'update' | 'take' | 'flash' | 'flashes' | 'destroy' | 'save' | 'reload' | 'touch';

export type Operation =
  | { readonly do: 'get' | 'set' | 'delete'; readonly key: Key }
  | { readonly do: PlainOperation }
  | { readonly do: 'login'; readonly user: User; readonly keep: Keep }
  | { readonly do: 'regenerate'; readonly keep: Keep; readonly form: 'promise' | 'callback' }
  /** Ends the session that a browser had at the beginning. */
  | { readonly do: 'revoke'; readonly browser: number }
  /** Ends all sessions of a user, or all but the session of the request. */
  | { readonly do: 'revokeByUser'; readonly user: User; readonly sparesOwn: boolean };

/** What a browser has when the schedule begins. */
export type BrowserStart =
  | 'visitor'
  /** A well-formed cookie of a session that never existed. */
  | 'forged'
  /** A session with data and no user. */
  | 'guest'
  | User;

export interface RequestPlan {
  /** `r1` to `r4`. It keeps its name when a smaller failure leaves out others. */
  readonly name: string;
  readonly browser: number;
  readonly operations: readonly Operation[];
  /** Whether the handler goes on after an operation that failed. Otherwise its error is the answer. */
  readonly catches: boolean;
  /**
   * - `returns`: a value, which Nest sends.
   * - `throws`: an error, after its last operation: 500.
   * - `answers`: sends its answer through `@Res()`.
   */
  readonly ending: 'returns' | 'throws' | 'answers';
  /** The request's store call with this number fails, before or after it has taken effect. */
  readonly fault?: { readonly call: number; readonly when: 'before' | 'after' } | undefined;
  /** The client closes the connection at some point. */
  readonly leaves: boolean;
}

/**
 * What happens outside of the requests.
 *
 * - `a minute passes`: long enough for a touch, and for the mark that a rotation leaves.
 * - `sessions expire`: an hour and a minute pass.
 * - `the store stalls`: no call is answered for as long as `storeTimeout`.
 */
export type WorldEvent = 'a minute passes' | 'sessions expire' | 'the store stalls';

/** The options of the application, which differ from the defaults in one place. */
export type OptionSet =
  'the defaults' | 'maxAge' | 'load lazy' | 'onStoreError anonymous' | 'saveOnServerError';

export interface Program {
  readonly options: OptionSet;
  readonly browsers: readonly BrowserStart[];
  readonly requests: readonly RequestPlan[];
  readonly world: readonly WorldEvent[];
}

export function describeOperation(operation: Operation): string {
  if ('key' in operation) return `${operation.do} ${operation.key}`;
  if (operation.do === 'login') return `login ${operation.user}${keeping(operation.keep, true)}`;
  if (operation.do === 'regenerate') {
    return `regenerate${keeping(operation.keep, false)}${operation.form === 'callback' ? ' by callback' : ''}`;
  }
  if (operation.do === 'revoke') return `revoke the session of b${operation.browser + 1}`;
  if (operation.do === 'revokeByUser') {
    return `revoke all of ${operation.user}${operation.sparesOwn ? ' but its own' : ''}`;
  }
  return operation.do;
}

function keeping(keep: Keep, byDefault: boolean): string {
  if (keep === byDefault) return '';
  if (typeof keep === 'boolean') return keep ? ' keeping all' : ' keeping nothing';
  return ` keeping ${keep.join(', ') || 'no key'}`;
}

/** The program as lines that a reader can follow. */
export function describeProgram({ options, browsers, requests, world }: Program): string[] {
  const used = new Set(requests.map(({ browser }) => browser));
  return [
    ...(options === 'the defaults' ? [] : [`options: ${options}`]),
    ...browsers.map((start, i) => `b${i + 1}: ${start}`).filter((_, i) => used.has(i)),
    ...requests.map(request => `${request.name} from b${request.browser + 1}: ${describeRequest(request)}`),
    ...(world.length > 0 ? [`world: ${world.join(' · ')}`] : []),
  ];
}

function describeRequest({ operations, catches, ending, fault, leaves }: RequestPlan): string {
  const steps = [...operations.map(describeOperation), ending].join(' · ');
  const notes = [
    ...(catches ? ['it catches errors'] : []),
    ...(fault ? [`its store call ${fault.call} fails ${fault.when} its effect`] : []),
    ...(leaves ? ['its client leaves'] : []),
  ];
  return notes.length > 0 ? `${steps} (${notes.join('; ')})` : steps;
}
