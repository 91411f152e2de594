// Authorities and certificates for tests, made by openssl when they are needed and gone when the file is done.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Paths of PEM files. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates {
  readonly folder: string;
  /** The authority that has signed all but `stranger`. */
  readonly ca: string;
  /** Another one, that has signed none of them. */
  readonly otherCa: string;
  /** For localhost and 127.0.0.1. */
  readonly server: Pair;
  /** For db.example alone. */
  readonly elsewhere: Pair;
  readonly expired: Pair;
  readonly client: Pair;
  /** A client whom `otherCa` vouches for. */
  readonly stranger: Pair;
  remove(): Promise<void>;
}

export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-tls-'));
  const openssl = (...words: string[]) => run('openssl', words, { cwd: folder });
  const authority = async (name: string): Promise<Pair> => {
    const pair = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
    const subject = [
      '-subj',
      `/CN=${name}`,
      '-addext',
      'basicConstraints=critical,CA:TRUE',
      '-addext',
      'keyUsage=keyCertSign',
    ];
    await openssl('req', '-x509', ...NEW_KEY, '-keyout', pair.key, '-out', pair.cert, '-days', '30', ...subject);
    return pair;
  };
  const signed = async (by: Pair, name: string, alternatives: string, ...more: readonly string[]): Promise<Pair> => {
    const [cert, key, request] = ['pem', 'key', 'csr'].map((end) => join(folder, `${name}.${end}`)) as [
      string,
      string,
      string,
    ];
    await openssl('req', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', `/CN=${name}`);
    await writeFile(join(folder, `${name}.ext`), `subjectAltName=${alternatives}\n`);
    const days = more.length > 0 ? more : ['-days', '30'];
    const issuer = ['-CA', by.cert, '-CAkey', by.key, '-CAcreateserial', '-extfile', `${name}.ext`];
    await openssl('x509', '-req', '-in', request, '-out', cert, ...issuer, ...days);
    return { cert, key };
  };
  const [ca, other] = [await authority('authority'), await authority('other-authority')];
  return {
    folder,
    ca: ca.cert,
    otherCa: other.cert,
    server: await signed(ca, 'server', 'DNS:localhost,IP:127.0.0.1'),
    elsewhere: await signed(ca, 'elsewhere', 'DNS:db.example'),
    // As openssl 3.0 has no word for a begin in the past, it ends before it begins.
    expired: await signed(ca, 'expired', 'DNS:localhost,IP:127.0.0.1', '-days', '-1'),
    client: await signed(ca, 'client', 'DNS:client'),
    stranger: await signed(other, 'stranger', 'DNS:client'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export async function pemOf(file: string): Promise<string> {
  return readFile(file, 'utf8');
}
