// Which records a reservation touches, by the rows themselves and not by what plumbline says.

import type { Data } from '../../fixtures/reservas/data.ts';
import { WINDOW_MS } from '../../fixtures/reservas/places.ts';
import type { Reserva } from '../../fixtures/reservas/rows.ts';
import { type ExpectedFinding, recordOf } from './expectations.ts';

export const WEEK = WINDOW_MS;

/** As `recordOf` names them; it itself is among them. */
export function touchedBy(data: Data, reserva: Reserva): ReadonlySet<string> {
  const { huesped_id } = reserva;
  const { ciudad, host_id } = data.placeOf(reserva);
  const record = (replica: string, key: Readonly<Record<string, string | number>>) =>
    recordOf({ replica, key: Object.fromEntries(Object.entries(key).map(([name, part]) => [name, String(part)])) });
  return new Set([
    ...['huesped', 'propiedad', 'fecha'].map((by) => record(`analytics.reservas_por_${by}`, { id: reserva.id })),
    record('docs.host_statistics', { host_id }),
    record('graph.BOOKED_IN', { user_id: huesped_id, ciudad }),
    record('graph.INTERACCIONES', { guest_id: huesped_id, host_id }),
    record('graph.User', { id: huesped_id }),
    record('graph.Usuario', { id: huesped_id }),
    record('graph.Usuario', { id: host_id }),
    record('graph.City', { nombre: ciudad }),
    record('cache.search_keys:ciudad:{ciudad_id}', { ciudad_id: data.cityOf(reserva) }),
  ]);
}

/** What the nightly job looks at: what was booked or reviewed in the last week, and what that touches. */
export function touchedInWeek(data: Data): ReadonlySet<string> {
  const isRecent = ({ created_at }: { readonly created_at: number }) => created_at / 1000 > data.rows.now - WEEK;
  const booked = data.reservas.filter(isRecent).flatMap((reserva) => [...touchedBy(data, reserva)]);
  const reviewed = data.resenas
    .filter(isRecent)
    .map(({ anfitrion_id }) => recordOf({ replica: 'docs.host_statistics', key: { host_id: String(anfitrion_id) } }));
  return new Set([...booked, ...reviewed]);
}

const REPAIRED_UNASKED: readonly string[] = ['missing', 'stale', 'mismatched'];

/** Of the reservations that are damaged themselves the one that touches damage in the most stores, all of it such as is repaired without further words. */
export function mostDamaged(data: Data, findings: readonly ExpectedFinding[]): Reserva | undefined {
  const damaged = new Map(findings.map((finding) => [recordOf(finding), finding]));
  let most = 0;
  let chosen: Reserva | undefined;
  for (const reserva of data.reservas) {
    const mine = [...touchedBy(data, reserva)].flatMap((record) => damaged.get(record) ?? []);
    if (mine.some((finding) => !REPAIRED_UNASKED.includes(finding.looked ?? finding.class))) continue;
    const stores = new Set(mine.map(({ replica }) => replica.split('.')[0]));
    const score = (stores.has('analytics') ? 100 : 0) + 10 * stores.size + mine.length;
    if (mine.length === 0 || score <= most) continue;
    most = score;
    chosen = reserva;
  }
  return chosen;
}
