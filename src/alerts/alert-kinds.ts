// The ways to send an alert, by kind.

import type { AlertKind } from './alert-kind.ts';
import { command } from './command.ts';
import { log } from './log.ts';
import { webhook } from './webhook.ts';

// biome-ignore lint/suspicious/noExplicitAny: each kind has options of its own, which only it reads
const kinds: readonly AlertKind<any>[] = [webhook, command, log];

// biome-ignore lint/suspicious/noExplicitAny: as above
export const alertKinds: ReadonlyMap<string, AlertKind<any>> = new Map(kinds.map((kind) => [kind.kind, kind]));
