// The certificates of the config as the one text that Oracle's driver takes them in: what it calls a wallet.

import { generateKeyPairSync, sign } from 'node:crypto';
import type { TlsMaterial } from '../../tls/tls.ts';

/** Undefined where the system's authorities are to be trusted and no certificate of ours is given. */
export function walletOf({ ca, cert, key }: TlsMaterial): string | undefined {
  if (ca === undefined && cert === undefined) return undefined;
  return [cert ?? throwaway(), key ?? '', ca ?? ''].join('\n');
}

let made: string | undefined;

/**
 * A certificate that nobody trusts, with its key. The driver takes no wallet without one, and shows it only to a server that asks for one, which
 * then refuses it as it would refuse none.
 */
function throwaway(): string {
  if (made !== undefined) return made;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // X.509, RFC 5280 section 4.1, in its first version: no extensions.
  const algorithm = der(SEQUENCE, der(OBJECT, Buffer.from(ECDSA_WITH_SHA256, 'hex')));
  const name = der(SEQUENCE);
  const validity = der(SEQUENCE, time('000101000000Z'), time('491231235959Z'));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const body = der(SEQUENCE, der(INTEGER, Buffer.from([1])), algorithm, name, validity, name, spki);
  const signature = der(BITS, Buffer.from([0]), sign('sha256', body, privateKey));
  const certificate = der(SEQUENCE, body, algorithm, signature).toString('base64');
  made = [
    '-----BEGIN CERTIFICATE-----',
    ...certificate.match(/.{1,64}/g)!,
    '-----END CERTIFICATE-----',
    privateKey.export({ type: 'pkcs8', format: 'pem' }),
  ].join('\n');
  return made;
}

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const BITS = 0x03;
const OBJECT = 0x06;
const UTC_TIME = 0x17;
const ECDSA_WITH_SHA256 = '2a8648ce3d040302';

function time(text: string): Buffer {
  return der(UTC_TIME, Buffer.from(text, 'ascii'));
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const header = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...header]), content]);
}
