import { describe, expect, it } from 'vitest';
import { printed } from '../../../test/support/redis-records.js';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import { isReadOnly, isUnknownScript, isWrongType, storeErrorOf } from './redis-errors.js';

/** As Redis 6.2 and 7 word them, alone and out of a script. */
const REFUSALS = [
  "OOM command not allowed when used memory > 'maxmemory'.",
  "OOM command not allowed when used memory > 'maxmemory'. script: 7aa9, on @user_script:1.",
  "ERR Error running script (call to f_7aa9): @user_script:1: @user_script: 1: -OOM command not allowed when used memory > 'maxmemory'.",
  'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist on disk.',
  "READONLY You can't write against a read only replica.",
  "ERR Error running script (call to f_7aa9): @user_script:1: @user_script: 1: -READONLY You can't write against a read only replica.",
  'NOAUTH Authentication required.',
  'WRONGPASS invalid username-password pair or user is disabled.',
  'ERR invalid password',
  "NOPERM this user has no permissions to run the 'evalsha' command",
  'NOPERM this user has no permissions to access one of the keys used as arguments',
  "ERR The user executing the script can't run this command or subcommand script: 7aa9, on @user_script:1.",
  "ERR ACL failure in script: User x has no permissions to run the 'hset' command script: 7aa9, on @user_script:1.",
  'DENIED Redis is running in protected mode because protected mode is enabled',
  'MOVED 866 127.0.0.1:7001',
  'ASK 866 127.0.0.1:7001',
  'ERR This instance has cluster support disabled',
  'ERR DB index is out of range',
  "ERR unknown command 'EVALSHA', with args beginning with: '7aa9'",
];

const TROUBLES = [
  'LOADING Redis is loading the dataset in memory',
  'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  'NOREPLICAS Not enough good replicas to write.',
  'CLUSTERDOWN Hash slot not served',
  'TRYAGAIN Multiple keys request during rehashing of slot',
  'ERR max number of clients reached',
  'Too many Cluster redirections. Last error: ReplyError: MOVED 866 127.0.0.1:7001',
  'connect ECONNREFUSED 127.0.0.1:6379',
];

describe('storeErrorOf', () => {
  it.each(REFUSALS)('%s → refused, with the remedy in the message', said => {
    const error = storeErrorOf(new Error(said));
    expect(error).toBeInstanceOf(StoreRefusedError);
    expect(error.message).toMatch(/^\[session:redis\] .+: .+\.$/);
  });

  it.each(TROUBLES)('%s → not available: it may pass', said => {
    const error = storeErrorOf(new Error(said));
    expect(error).not.toBeInstanceOf(StoreRefusedError);
    expect(error.message).toBe(`[session:redis] ${said}`);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('keeps to itself what the driver notes of the command: session data, ids, passwords', () => {
    const command = { name: 'evalsha', args: ['hash', '1', 'session:secret', 'secret'] };
    const failures = [
      Object.assign(new Error('OOM command not allowed'), { command }),
      Object.assign(new Error('BUSY'), { command }),
      new Error(
        "ERR unknown command 'EVALSHA', with args beginning with: 'hash' '1' 'session:secret' 'secret'",
      ),
      Object.assign(new Error('Failed to refresh slots cache.'), {
        lastNodeError: Object.assign(new Error('WRONGPASS'), {
          command: { name: 'auth', args: ['me', 'secret'] },
        }),
      }),
    ];
    for (const failure of failures) expect(printed(storeErrorOf(failure))).not.toContain('secret');
  });

  it('says why a Cluster reached none of its nodes', () => {
    const lastNodeError = new Error('WRONGPASS invalid username-password pair or user is disabled.');
    const failure = Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError });
    expect(storeErrorOf(failure)).toBeInstanceOf(StoreRefusedError);
  });

  it('says something of an error without a message, as of two addresses that were tried at once', () => {
    const failure = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' });
    expect(storeErrorOf(failure).message).toBe('[session:redis] connect ECONNREFUSED');
    expect(storeErrorOf('text').message).toBe('[session:redis] text');
  });

  it('says of a call whose answer is lost just that', () => {
    const limit = new Error(
      'Reached the max retries per request limit (which is 0). Refer to "x" for details.',
    );
    expect(storeErrorOf(limit).message).toBe('[session:redis] the connection broke before Redis answered.');
  });

  it('an error that is refused already passes unchanged', () => {
    const refused = new StoreRefusedError('x');
    expect(storeErrorOf(refused)).toBe(refused);
  });
});

describe('what some errors mean', () => {
  it('is found in replies of commands and of scripts alike', () => {
    expect(isUnknownScript(new Error('NOSCRIPT No matching script. Please use EVAL.'))).toBe(true);
    const wrongType = 'WRONGTYPE Operation against a key holding the wrong kind of value';
    expect(isWrongType(new Error(wrongType))).toBe(true);
    expect(
      isWrongType(new Error(`ERR Error running script (call to f_1): @user_script:2: ${wrongType}`)),
    ).toBe(true);
    expect(isReadOnly(new Error('-READONLY You cannot'))).toBe(true);
    for (const is of [isUnknownScript, isWrongType, isReadOnly]) expect(is(new Error('BUSY'))).toBe(false);
  });
});
