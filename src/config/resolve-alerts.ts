// The receivers of alerts: their kinds' own words, the names that they want to hear of, and no secret in the file.

import { alertKinds } from '../alerts/alert-kinds.ts';
import { isSecretHeader } from '../alerts/webhook.ts';
import type { Loose } from './check.ts';
import { ALERTING_COMMANDS, type AlertConfig, type EntityConfig } from './config.ts';
import { parseDuration } from './duration.ts';
import { checkOwnWords, omit } from './own-words.ts';
import type { Context } from './resolve.ts';
import { alertShape, type RawAlert } from './schema.ts';
import { addUnknown } from './unknown-name.ts';
import { checkOptions, checkSecret, checkUrl } from './urls.ts';

const DEFAULT_EVENTS = ['failure', 'unknown', 'recovery'] as const;
const DEFAULT_QUIET = 4 * 3600_000;
const DEFAULT_TIMEOUT = 10_000;
const DEFAULT_ATTEMPTS = 4;
const DEFAULT_PAUSE = 1000;

export function resolveAlerts(context: Context, entities: readonly EntityConfig[]): AlertConfig[] {
  return Object.entries(context.raw.alerts ?? {}).map(([name, alert]) =>
    resolveAlert(name, alert ?? {}, entities, context),
  );
}

function resolveAlert(
  name: string,
  alert: Loose<RawAlert>,
  entities: readonly EntityConfig[],
  { raw, problems }: Context,
): AlertConfig {
  const here = ['alerts', name];
  const { kind = '' } = alert;
  const known = alertKinds.get(kind);
  if (alert.kind !== undefined && known === undefined) {
    addUnknown([...here, 'kind'], 'unknown kind', kind, [...alertKinds.keys()], 'Kinds known', problems);
  }
  const own = omit(alert, alertShape);
  checkSecrets(own, name, problems);
  const options = known && checkOwnWords(known.options, own, Object.keys(alertShape), here, problems);
  const names = new Set([
    ...Object.keys(raw.health?.probes ?? {}),
    ...Object.keys(raw.stores ?? {}),
    ...entities.flatMap((entity) => [entity.name, ...entity.replicas.map((replica) => replica.name)]),
  ]);
  for (const [index, about] of (alert.about ?? []).entries()) {
    if (about === undefined || names.has(about)) continue;
    const words = 'no probe, replica, store or entity is named';
    addUnknown([...here, 'about', index], words, about, [...names], 'Names here', problems);
  }
  const given = <T>(list: readonly (T | undefined)[] | undefined) => list?.filter((item) => item !== undefined);
  const duration = (words: string | number | undefined, otherwise: number) =>
    words === undefined ? otherwise : (parseDuration(words) ?? otherwise);
  return {
    name,
    kind,
    on: given(alert.on) ?? DEFAULT_EVENTS,
    about: given(alert.about) ?? [],
    commands: given(alert.commands) ?? ALERTING_COMMANDS,
    quiet: duration(alert.quiet, DEFAULT_QUIET),
    timeout: duration(alert.timeout, DEFAULT_TIMEOUT),
    attempts: alert.attempts ?? DEFAULT_ATTEMPTS,
    pause: duration(alert.pause, DEFAULT_PAUSE),
    options,
    secrets:
      options === undefined
        ? []
        : known!.secrets(options, (word) => problems.tree.expansion([...here, word])?.hasVariable ?? false),
  };
}

/** Whoever knows the address of a Slack webhook may write there; of other addresses nobody can tell. */
function checkSecrets(own: Record<string, unknown>, name: string, problems: Context['problems']): void {
  const here = ['alerts', name];
  checkOptions(own, here, name, problems);
  const { url, format, headers } = own;
  if (typeof url === 'string') checkUrl(url, [...here, 'url'], name, problems);
  if (format === 'slack') checkSecret([...here, 'url'], name, problems);
  for (const header of Object.keys(typeof headers === 'object' && headers !== null ? headers : {}))
    if (isSecretHeader(header)) checkSecret([...here, 'headers', header], name, problems);
}
