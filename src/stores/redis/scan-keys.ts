// The keys of one server that a pattern may mean, by SCAN: every key that is there all the while comes once.

import { textOf } from './decode.ts';
import { RecentKeys } from './recent.ts';
import type { Argument, Asker, Command, Reply, Session } from './session.ts';

export interface KeyPage {
  readonly keys: readonly string[];
  /** Keys that are not UTF-8, byte by byte. */
  readonly broken: readonly string[];
}

const START = '0';

/** SCAN of the keys, or SSCAN of one set's members; a page for each call, which may be empty. */
export async function* scanKeys(asker: Asker, glob: string, count: number): AsyncGenerator<KeyPage> {
  const command = (cursor: Argument): Command => ['scan', cursor, 'MATCH', glob, 'COUNT', String(count)];
  yield* pagesOf(asker, command, undefined);
}

/** Goes on where `first` (a reply to SSCAN) ended. */
export async function* scanMembers(asker: Asker, key: string, count: number, first?: Reply): AsyncGenerator<KeyPage> {
  yield* pagesOf(asker, (cursor) => ['sscan', key, cursor, 'COUNT', String(count)], first);
}

async function* pagesOf(
  asker: Asker,
  command: (cursor: Argument) => Command,
  first: Reply | undefined,
): AsyncGenerator<KeyPage> {
  const recent = new RecentKeys();
  let reply: Reply = first ?? (await asker.ask([command(START)]))[0]!;
  for (;;) {
    if (reply instanceof Error) throw reply;
    const [cursor, found] = reply as readonly [Buffer, readonly Buffer[]];
    const isLast = cursor.toString() === START;
    // The next one is asked for while this one is worked on.
    const next = isLast ? undefined : asker.ask([command(cursor)]);
    next?.catch(() => {});
    yield pageOf(found, recent);
    if (next === undefined) return;
    reply = (await next)[0]!;
  }
}

function pageOf(found: readonly Buffer[], recent: RecentKeys): KeyPage {
  const keys: string[] = [];
  const broken: string[] = [];
  for (const bytes of found) {
    let key: string;
    try {
      key = textOf(bytes);
    } catch {
      const shown = bytes.toString('latin1');
      if (recent.add(`\0broken ${shown}`)) broken.push(shown);
      continue;
    }
    if (recent.add(key)) keys.push(key);
  }
  return { keys, broken };
}

const SURVEY_CALLS = 10;
const SURVEY_COUNT = 1000;
/** A replica whose keys are few among many others is looked for this long, milliseconds. */
const SURVEY_MS = 2000;

export interface Survey {
  /** Some of the keys. */
  readonly keys: readonly string[];
  /** How many there are, roughly; exact in a small database. */
  readonly estimate: number;
}

/** Looks at a part of the keys of each server. */
export async function surveyKeys(
  session: Session,
  glob: string,
  isOurs: (key: string) => boolean,
  wanted: number,
): Promise<Survey> {
  const until = performance.now() + SURVEY_MS;
  const sample: string[] = [];
  let estimate = 0;
  for (const open of session.readers()) {
    const reader = await open();
    try {
      const [size] = await reader.ask([['dbsize']]);
      let found = 0;
      let calls = 0;
      let isWhole = true;
      for await (const { keys } of scanKeys(reader, glob, SURVEY_COUNT)) {
        const ours = keys.filter(isOurs);
        found += ours.length;
        sample.push(...ours.slice(0, wanted - sample.length));
        calls++;
        if (calls < SURVEY_CALLS || (sample.length < wanted && performance.now() < until)) continue;
        isWhole = false;
        break;
      }
      const all = typeof size === 'number' ? size : 0;
      const seen = calls * SURVEY_COUNT;
      estimate += isWhole || all <= seen ? found : Math.round((found * all) / seen);
    } finally {
      reader.close();
    }
  }
  return { keys: sample, estimate };
}
