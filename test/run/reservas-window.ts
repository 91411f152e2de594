// Which records of reservas the nightly job looks at: what was booked or reviewed in the last seven days, and what that touches.

import type { ExpectedFinding } from '../../fixtures/reservas/damages.ts';
import type { Data } from '../../fixtures/reservas/data.ts';
import { WINDOW_MS } from '../../fixtures/reservas/places.ts';

export const WEEK = WINDOW_MS;

export function windowOf(data: Data): (finding: Pick<ExpectedFinding, 'replica' | 'key'>) => boolean {
  const isRecent = ({ created_at }: { readonly created_at: number }) => created_at / 1000 > data.rows.now - WEEK;
  const keys = new Set<string>();
  const add = (replica: string, ...key: readonly (string | number)[]) => keys.add(`${replica} ${key.join(' ')}`);
  for (const reserva of data.reservas.filter(isRecent)) {
    const { id, huesped_id } = reserva;
    const { ciudad, host_id } = data.placeOf(reserva);
    for (const by of ['huesped', 'propiedad', 'fecha']) add(`analytics.reservas_por_${by}`, id);
    add('docs.host_statistics', host_id);
    add('graph.BOOKED_IN', huesped_id, ciudad);
    add('graph.INTERACCIONES', huesped_id, host_id);
    add('graph.User', huesped_id);
    add('graph.Usuario', huesped_id);
    add('graph.Usuario', host_id);
    add('graph.City', ciudad);
    add('cache.search_keys:ciudad:{ciudad_id}', data.cityOf(reserva));
  }
  for (const { anfitrion_id } of data.resenas.filter(isRecent)) add('docs.host_statistics', anfitrion_id);
  return ({ replica, key }) => keys.has(`${replica} ${Object.values(key).join(' ')}`);
}
