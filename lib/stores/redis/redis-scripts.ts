import { scriptHashOf } from '../../crypto/hash.js';
import { EXPIRED_KEPT_MS } from '../../store/session-store.js';

/** A script, and the hash by which Redis knows it after its first run. */
export interface RedisScript {
  readonly source: string;
  readonly hash: string;
}

/*
 * Each script is one atomic step on one key, so it runs on every node of a Cluster. Everything that can fail comes
 * before the first write, because Redis does not undo the writes of a script.
 *
 * A full Redis refuses a command that needs memory (HSET) only if the script has written nothing yet. So a script that
 * must work on a full Redis begins with a command that is never refused, PEXPIREAT or DEL. A script that may be
 * refused begins with HSET.
 */

/** A moment. `redis-fields.ts` uses the same rule. */
const NUMBER = `
local function number(text)
  return text and #text <= 16 and string.find(text, '^%d+$') and tonumber(text)
end`;

/** Lua accepts about 8 000 arguments in one call. The step is even, because fields and texts come in pairs. */
const WRITE = `
local function write(command, from, to)
  for i = from, to, 4000 do
    redis.call(command, KEYS[1], unpack(ARGV, i, math.min(i + 3999, to)))
  end
end`;

const KEEP = `
local function keepUntil(moment)
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', tonumber(moment) + ${EXPIRED_KEPT_MS}))
end`;

/** ARGV[1] is now. */
const HEAD = `${NUMBER}
local now = tonumber(ARGV[1])
local head = redis.call('HMGET', KEYS[1], 'e', 's', 'm')
local expiresAt, lastSeenAt = number(head[1]), number(head[2])
local present = expiresAt and lastSeenAt and head[3] and now < expiresAt`;

/** ARGV[2] and ARGV[3] are the moments to move to. */
const MOVE = `
if tonumber(ARGV[2]) > expiresAt then head[1] = ARGV[2] end
if tonumber(ARGV[3]) > lastSeenAt then head[2] = ARGV[3] end`;

function script(source: string): RedisScript {
  return { source, hash: scriptHashOf(source) };
}

/** ARGV: expiresAt, then field, text, field, text … → 1 created, 0 taken */
export const createScript = script(`${WRITE}${KEEP}
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
write('HSET', 2, #ARGV)
keepUntil(ARGV[1])
return 1`);

/**
 * ARGV: now, expiresAt, lastSeenAt, how many arguments the next three lists have, then the lists: field, text … to set;
 * fields to delete; fields that are expected to hold something, those that must be absent last; and the texts that the
 * former must hold. → 1 done, 0 gone, or what the expected fields hold instead
 */
export const updateScript = script(`${HEAD}${WRITE}${KEEP}
if not present then return 0 end
local set = 7
local delete = set + tonumber(ARGV[4])
local expect = delete + tonumber(ARGV[5])
local text = expect + tonumber(ARGV[6])
local current, holds = {}, true
for i = expect, text - 1, 4000 do
  local part = redis.call('HMGET', KEYS[1], unpack(ARGV, i, math.min(i + 3999, text - 1)))
  for _, found in ipairs(part) do
    current[#current + 1] = found
    if found ~= (ARGV[text + #current - 1] or false) then holds = false end
  end
end
if not holds then return current end${MOVE}
write('HSET', set, delete - 1)
keepUntil(head[1])
write('HDEL', delete, expect - 1)
redis.call('HSET', KEYS[1], 'e', head[1], 's', head[2])
return 1`);

/** ARGV: now, expiresAt, lastSeenAt → 1 moved, 0 gone */
export const touchScript = script(`${HEAD}${KEEP}
if not present then return 0 end${MOVE}
keepUntil(head[1])
redis.call('HSET', KEYS[1], 'e', head[1], 's', head[2])
return 1`);

/**
 * ARGV: now, and for a rotation the successor and until when its mark lasts → the hash that ended, a successor to
 * follow, or 0
 */
export const destroyScript = script(`${HEAD}${KEEP}
if present then
  local record = redis.call('HGETALL', KEYS[1])
  redis.call('DEL', KEYS[1])
  if ARGV[2] then
    redis.call('HSET', KEYS[1], 'r', ARGV[2], 'u', ARGV[3])
    keepUntil(ARGV[3])
  end
  return record
end
if ARGV[2] then return 0 end
local mark = redis.call('HMGET', KEYS[1], 'r', 'u')
local lasts = number(mark[2])
if mark[1] and lasts and now < lasts then return mark[1] end
return 0`);

/** ARGV: id, until, now → 1. The list of a user lives as long as its latest entry. */
export const addScript = script(`${KEEP}
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
local latest = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if latest[2] then keepUntil(latest[2]) end
return 1`);
