import { createHash, randomBytes, randomInt } from 'node:crypto';

export const tokenPrefix = 'dbk_';

/** 256 random bits for a session cookie. */
export function createSessionSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** 256 random bits; the prefix lets people and secret scanners know what it is. */
export function createTokenSecret(): string {
  return `${tokenPrefix}${randomBytes(32).toString('base64url')}`;
}

/** What is stored of a session or token. Enough for random bits; never for a password. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** No 0, 1, i, l, o: it is read from a screen and typed. */
const readable = 'abcdefghjkmnpqrstuvwxyz23456789';

/** Four groups of four, 79 bits: `hk3m-9xqr-wz7t-b2vn`. */
export function createReadablePassword(): string {
  const group = (): string => Array.from({ length: 4 }, () => readable[randomInt(readable.length)]).join('');
  return Array.from({ length: 4 }, group).join('-');
}
