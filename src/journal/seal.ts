// Seals what must not be readable on disk: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce, the place of the text as associated data, so
// that a sealed text put elsewhere does not open.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const NONCE = 12;
const TAG = 16;
const KEY = 32;

export interface Sealer {
  /** Base64 of nonce, tag and ciphertext. `place` says where it belongs; opening asks for the same. */
  seal(text: string, place: string): string;
  /** Throws when key or place are not those it was sealed with, or the text was changed. */
  open(sealed: string, place: string): string;
}

/** A key as the environment holds it: 32 bytes in hex or base64. Undefined when it is neither. */
export function parseSealKey(words: string): Buffer | undefined {
  const text = words.trim();
  if (/^[\da-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  const bytes = /^[A-Za-z\d+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : undefined;
  return bytes?.length === KEY ? bytes : undefined;
}

export function makeSealer(key: Buffer): Sealer {
  return {
    seal(text, place) {
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(place));
      const bytes = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), bytes]).toString('base64');
    },
    open(sealed, place) {
      const bytes = Buffer.from(sealed, 'base64');
      const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE), { authTagLength: TAG })
        .setAAD(Buffer.from(place))
        .setAuthTag(bytes.subarray(NONCE, NONCE + TAG));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE + TAG)), decipher.final()]).toString('utf8');
    },
  };
}
