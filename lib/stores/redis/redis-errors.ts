import { StoreRefusedError } from '../../store/store-refused.error.js';

/** The second and third are how Redis 6.2 and 7.0, and newer ones, say it of a command in a script. */
const FORBIDDEN = /\bNOPERM\b|user executing the script can't|\bACL failure in script\b/;

/** Redis answered and will go on refusing until somebody changes something. With what to change. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/\bOOM\b/, 'Redis is full: raise its "maxmemory", or let sessions end sooner.'],
  [/\bMISCONF\b/, 'Redis cannot save its data to disk and takes no writes: look into its log.'],
  [/\bREADONLY\b/, 'this Redis is a read-only replica: connect to the master, or through Sentinel.'],
  [/\b(?:NOAUTH|WRONGPASS)\b|\binvalid (?:username-)?password\b/, 'check the user name and the password.'],
  [FORBIDDEN, "the user may not do this: the store's README lists the commands and keys it needs."],
  [/\bDENIED\b/, 'Redis runs in protected mode: set a password, or bind it to an address.'],
  [/^(?:\S+ )?(?:MOVED|ASK) \d+ /, 'this Redis is part of a Cluster: give an ioredis Cluster as "client".'],
  [
    /cluster support disabled/,
    'this Redis is not part of a Cluster: give an ioredis Redis as "client", or a "url".',
  ],
  [/\binvalid DB index\b|\bDB index is out of range\b/, 'this Redis has no database of that number.'],
  [/\bunknown command\b/, 'this server is older than Redis 6.2, or the command was disabled.'],
];

/** What Redis 7 says behind every error of a script. */
const WHERE_IN_SCRIPT = / script: [0-9a-f]+, on @\w+:\d+\.$/;

/** The driver's way to say that it sends nothing again. */
const LOST = /^Reached the max retries per request limit.*$/;

/**
 * The error that the store throws for one of the driver's. The driver notes on its errors the command with all its
 * arguments, session data and the password included: that stays here, so that no log gets it.
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

/** Redis forgot the script, or never saw it: nothing was run. */
export function isUnknownScript(error: unknown): boolean {
  return /\bNOSCRIPT\b/.test(messageOf(error));
}

/** There is something under the key that is no hash. */
export function isWrongType(error: unknown): boolean {
  return /\bWRONGTYPE\b/.test(messageOf(error));
}

/** The user may not do this, whatever else. */
export function isForbidden(error: unknown): boolean {
  return FORBIDDEN.test(messageOf(error));
}

/** A write reached a replica, so this connection leads to the wrong server. */
export function isReadOnly(error: unknown): boolean {
  return /\bREADONLY\b/.test(messageOf(error));
}

function withoutCommand(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  Reflect.deleteProperty(error, 'command');
  // A Cluster that reached no node says why only here.
  const { lastNodeError } = error as { lastNodeError?: unknown };
  if (lastNodeError instanceof Error) return withoutCommand(lastNodeError);
  // Redis repeats the arguments of a command that it does not know.
  const [said, repeated] = messageOf(error).split(', with args beginning with');
  return repeated === undefined ? error : new Error(said);
}

/** An error of several addresses that were tried at once has no message of its own. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return error.message || (typeof code === 'string' ? `connect ${code}` : error.name);
}
