import { StoreRefusedError } from '../../store/store-refused.error.js';

/** The second is the text of Redis 6.2 for a command in a script, the third that of Redis 7.0 and newer. */
const FORBIDDEN = /\bNOPERM\b|user executing the script can't|\bACL failure in script\b/;

/** Errors that Redis repeats until something is changed, each with its remedy. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/\bOOM\b/, 'Redis is full: raise its "maxmemory", or let sessions end sooner.'],
  [/\bMISCONF\b/, 'Redis cannot save its data to disk and refuses writes: look into its log.'],
  [/\bREADONLY\b/, 'this Redis is a read-only replica: connect to the master, or through Sentinel.'],
  [/\b(?:NOAUTH|WRONGPASS)\b|\binvalid (?:username-)?password\b/, 'check the user name and the password.'],
  [FORBIDDEN, "the user may not do this: the store's README lists the commands and keys it needs."],
  [/\bDENIED\b/, 'Redis runs in protected mode: set a password, or bind it to an address.'],
  [/^(?:\S+ )?(?:MOVED|ASK) \d+ /, 'this Redis is part of a Cluster: give an ioredis Cluster as "client".'],
  [
    /cluster support disabled/,
    'this Redis is not part of a Cluster: give an ioredis Redis as "client", or a "url".',
  ],
  [
    /\binvalid DB index\b|\bDB index is out of range\b/,
    'this Redis has no database with that number: correct it, or raise "databases" in redis.conf.',
  ],
  [
    /\bunknown command\b/,
    'this server is older than Redis 6.2, or the command was disabled: update it, or enable the command.',
  ],
];

/** What Redis 7 appends to every error of a script. */
const WHERE_IN_SCRIPT = / script: [0-9a-f]+, on @\w+:\d+\.$/;

/** The driver's text for a call that it does not send again. */
const LOST = /^Reached the max retries per request limit.*$/;

/**
 * The error that the store throws for an error of the driver. The driver's error has the command with all its
 * arguments, which include session data and the password. They are removed, so that no log gets them.
 */
export function storeErrorOf(error: unknown): Error {
  if (error instanceof StoreRefusedError) return error;
  const cause = withoutCommand(error);
  const said = messageOf(cause)
    .replace(WHERE_IN_SCRIPT, '')
    .replace(LOST, 'the connection broke before Redis answered.');
  const remedy = REFUSALS.find(([pattern]) => pattern.test(said))?.[1];
  if (remedy !== undefined)
    return new StoreRefusedError(`[session:redis] ${said.replace(/\.$/, '')}: ${remedy}`, { cause });
  return new Error(`[session:redis] ${said}`, { cause });
}

/** Whether Redis does not know the script. It has run nothing then. */
export function isUnknownScript(error: unknown): boolean {
  return /\bNOSCRIPT\b/.test(messageOf(error));
}

/** Whether the key holds something other than a hash. */
export function isWrongType(error: unknown): boolean {
  return /\bWRONGTYPE\b/.test(messageOf(error));
}

/** Whether the user does not have the permission. */
export function isForbidden(error: unknown): boolean {
  return FORBIDDEN.test(messageOf(error));
}

/** Whether a write reached a replica, so the connection leads to the wrong server. */
export function isReadOnly(error: unknown): boolean {
  return /\bREADONLY\b/.test(messageOf(error));
}

function withoutCommand(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  Reflect.deleteProperty(error, 'command');
  // A Cluster that reached no node has the reason only here.
  const { lastNodeError } = error as { lastNodeError?: unknown };
  if (lastNodeError instanceof Error) return withoutCommand(lastNodeError);
  // The error for an unknown command contains its arguments.
  const [said, repeated] = messageOf(error).split(', with args beginning with');
  return repeated === undefined ? error : new Error(said);
}

/** The message. An error for several addresses that were tried in parallel has none, so its code is used. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return error.message || (typeof code === 'string' ? `connect ${code}` : error.name);
}
