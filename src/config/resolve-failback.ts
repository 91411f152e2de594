// The two servers of a failback, and what is said of their tables. Whether there are such tables and columns is for the servers to say.

import { isTimeZone } from '../repair/window.ts';
import { type Tls, withAbsoluteFiles } from '../tls/tls.ts';
import type { FailbackConfig, FailbackRule } from './config.ts';
import { parseDuration } from './duration.ts';
import type { Context } from './resolve.ts';
import { checkOptions, checkSourceUrl } from './urls.ts';

export function resolveFailback({ raw, problems, folder, sourceTls }: Context): FailbackConfig | undefined {
  const { failback } = raw;
  if (failback === undefined) return undefined;
  const { here, there, parted = 'auto', tables, timeZone } = failback;
  for (const [side, server] of [
    ['here', here],
    ['there', there],
  ] as const) {
    if (server?.url !== undefined) checkSourceUrl(server.url, ['failback', side, 'url'], problems);
    checkOptions(server?.tls, ['failback', side, 'tls'], side, problems);
  }
  const tlsOf = (server: { readonly tls?: unknown } | undefined) =>
    (withAbsoluteFiles({ tls: server?.tls }, folder) as { readonly tls?: Tls }).tls;
  if (timeZone !== undefined && !isTimeZone(timeZone))
    problems.add(['failback', 'timeZone'], `there is no time zone ${problems.shown(timeZone)}`, {
      hint: 'Such as America/Lima.',
    });
  return {
    here:
      here === undefined ? { url: raw.source?.url ?? '', tls: sourceTls } : { url: here.url ?? '', tls: tlsOf(here) },
    there: { url: there?.url ?? '', tls: tlsOf(there) },
    parted: parted === 'auto' ? undefined : parted,
    margin: parseDuration(failback.margin ?? '5s') ?? 5000,
    policy: failback.policy ?? 'manual',
    version: failback.version,
    created: failback.created,
    timeZone,
    tables: tables === undefined || tables === 'all' ? undefined : tables.filter((name) => name !== undefined),
    except: (failback.except ?? []).filter((name) => name !== undefined),
    rules: new Map(Object.entries(failback.rules ?? {}).map(([name, rule]) => [name, (rule ?? {}) as FailbackRule])),
  };
}
