// Whether a server's hashes agree with ours: asked of a few values at connect. They would not on a big-endian machine, or if PostgreSQL changed
// its hash functions; the run then uses md5.

import { makeChain, seedHalves } from '../value/chain.ts';
import type { Session } from './session.ts';

const SEED = -0x1234_5678_9abc_def1n;
const TEXTS = ['', 'a', 'ñandú 🐎', 'twelve bytes', 'x'.repeat(41)];
const INTEGERS = [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 4_294_967_296n];
const FLOATS = [0.1, -0.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY];

export async function hashesAgree(session: Session): Promise<boolean> {
  const rows = await session.query(
    'check hashes',
    `select hashfloat8extended(f, hashint8extended(n, hashint8extended(n >> 32, hashint4extended(7, hashtextextended(t collate "C", $4)))))::text as hash
       from unnest($1::text[], $2::int8[], $3::float8[]) with ordinality as given(t, n, f, position) order by position`,
    [TEXTS, INTEGERS, FLOATS, SEED],
  );
  const chain = makeChain({ algorithm: 'lookup3', seed: SEED });
  return TEXTS.every((text, i) => {
    const integer = INTEGERS[i]!;
    chain.begin(...seedHalves({ algorithm: 'lookup3', seed: SEED }));
    chain.text(text);
    chain.int32(7);
    chain.int64(Number(BigInt.asIntN(32, integer)), Number(BigInt.asIntN(32, integer >> 32n)));
    chain.float64(FLOATS[i]!);
    chain.end();
    return BigInt.asIntN(64, (BigInt(chain.high) << 32n) | BigInt(chain.low >>> 0)) === BigInt(rows[i]!.hash!);
  });
}
