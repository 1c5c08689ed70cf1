import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { KeyRing } from './key-ring.js';
import { isSid } from './session-id.js';

/** Whether the value of a session cookie can be a token. */
export type TokenVerdict =
  | 'genuine'
  /** It does not have the form of a token. */
  | 'malformed'
  /** It has the form of a token, and none of our keys has signed it. */
  | 'forged';

/** How a token, the value of the session cookie, carries the sid. */
export interface SessionTokens {
  judge(value: string): TokenVerdict;
  /** The sid in a genuine token. */
  sidOf(token: string): string;
  /** The token of a sid. */
  tokenOf(sid: string): string;
  /** The token that a browser should have instead of this genuine one: usually the same. */
  upToDate(token: string): string;
}

/** The token is the sid. 256 random bits cannot be guessed. */
export const plainTokens: SessionTokens = {
  judge: value => (isSid(value) ? 'genuine' : 'malformed'),
  sidOf: token => token,
  tokenOf: sid => sid,
  upToDate: token => token,
};

const SID_LENGTH = 43;
/** The sid, a dot, and 32 bytes in base64url. */
const TOKEN_LENGTH = SID_LENGTH + 1 + 43;

/**
 * The token is `sid.mac`, so that a token which this application has not made is refused without a call to the store.
 * A token that an older key has signed is genuine, and so is an unsigned one if that is allowed: turning signing on and
 * changing keys signs no user out. Such a token is replaced by one that the first key has signed.
 */
export class SignedTokens implements SessionTokens {
  readonly #keys: readonly KeyObject[];

  /** @param cookieName a token of one cookie is worthless as that of another */
  constructor(
    ring: KeyRing,
    cookieName: string,
    readonly acceptsUnsigned: boolean,
  ) {
    this.#keys = ring.derive(`nestjs-http-session token v1 ${cookieName}`);
  }

  judge(value: string): TokenVerdict {
    if (isSid(value)) return this.acceptsUnsigned ? 'genuine' : 'forged';
    const sid = value.slice(0, SID_LENGTH);
    if (value.length !== TOKEN_LENGTH || value[SID_LENGTH] !== '.' || !isSid(sid)) return 'malformed';
    return this.#keys.some(key => isEqual(value, signed(sid, key))) ? 'genuine' : 'forged';
  }

  sidOf(token: string): string {
    return token.slice(0, SID_LENGTH);
  }

  tokenOf(sid: string): string {
    return signed(sid, this.#keys[0] as KeyObject);
  }

  upToDate(token: string): string {
    const isSignedByFirst = this.#keys.length === 1 && token.length === TOKEN_LENGTH;
    return isSignedByFirst ? token : this.tokenOf(this.sidOf(token));
  }
}

function signed(sid: string, key: KeyObject): string {
  return `${sid}.${createHmac('sha256', key).update(sid, 'latin1').digest('base64url')}`;
}

/** Takes the same time wherever the texts differ. Texts are compared, not bytes, so that each MAC has one form. */
function isEqual(value: string, expected: string): boolean {
  const given = Buffer.from(value, 'utf8');
  return given.length === TOKEN_LENGTH && timingSafeEqual(given, Buffer.from(expected, 'latin1'));
}
