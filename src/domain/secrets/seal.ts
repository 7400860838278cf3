import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/**
 * version (1 byte, 1) · id of the key (4) · nonce (12) · tag (16) · sealed text, by AES-256-GCM (NIST SP 800-38D). The name
 * is authenticated with it, so that one secret's row cannot stand in for another's. Nonces are random: far below 2^32
 * of them will ever be drawn for one key.
 */
const version = 1;
const idAt = 1;
const nonceAt = 5;
const tagAt = 17;
const textAt = 33;

export function seal(text: string, name: string, key: Buffer): Buffer {
  const nonce = randomBytes(tagAt - nonceAt);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(name));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([Buffer.from([version]), keyId(key), nonce, cipher.getAuthTag(), sealed]);
}

export function isSealedWith(sealed: Buffer, key: Buffer): boolean {
  return sealed[0] === version && sealed.subarray(idAt, nonceAt).equals(keyId(key));
}

/** Null when it was sealed with another key or for another name, or is damaged. */
export function unseal(sealed: Buffer, name: string, key: Buffer): string | null {
  if (!isSealedWith(sealed, key)) return null;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(nonceAt, tagAt));
    decipher.setAAD(Buffer.from(name));
    decipher.setAuthTag(sealed.subarray(tagAt, textAt));
    return Buffer.concat([decipher.update(sealed.subarray(textAt)), decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}

/** Tells keys apart without telling anything of them. */
function keyId(key: Buffer): Buffer {
  return createHash('sha256')
    .update('daybook secret key\0')
    .update(key)
    .digest()
    .subarray(0, nonceAt - idAt);
}
