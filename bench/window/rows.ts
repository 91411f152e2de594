// The rows of reservas with a window that is the same at every scale: what lies in the last seven days but is not among
// the newest reservations, or their reviews, is moved out of it. Pure.

import type { Micros, Rows } from '../../fixtures/reservas/rows.ts';

export const WINDOW_MS = 7 * 86_400_000;
/** A day more, so that what is moved is out of the window whenever the check comes. */
const MOVED: Micros = 8 * 86_400_000 * 1000;

/** Of the rows, those where only the newest `newest` reservations are in the window. */
export function withWindow(rows: Rows, newest: number): Rows {
  const { now, scale } = rows;
  const begin: Micros = (now - WINDOW_MS) * 1000;
  const first = firstInWindow(rows, newest);
  const moved = <R extends { readonly created_at: Micros }>(row: R): R =>
    row.created_at < begin ? row : { ...row, created_at: row.created_at - MOVED };
  return {
    ...rows,
    reserva: (index) => (index >= first ? rows.reserva(index) : moved(rows.reserva(index))),
    resena: (index) => {
      const resena = rows.resena(index);
      return resena.reserva_id > first ? resena : moved(resena);
    },
    scale,
  };
}

/** As if the newest reservations were all there are: what a store holds that has the window's rows only. */
export function onlyWindow(rows: Rows, newest: number): Rows {
  const first = firstInWindow(rows, newest);
  return { ...rows, scale: { ...rows.scale, reservas: newest }, reserva: (index) => rows.reserva(first + index) };
}

/** The hosts whose statistics the window touches; a host without a review has none. */
export function touchedHosts(rows: Rows, newest: number): ReadonlySet<number> {
  const first = firstInWindow(rows, newest);
  const touched = new Set<number>();
  for (let index = first; index < rows.scale.reservas; index += 1)
    touched.add(rows.propiedad(rows.reserva(index).propiedad_id - 1).anfitrion_id);
  const hosts = new Set<number>();
  // A review in the window is of a reservation in it, and so touches the same host.
  for (let index = 0; index < rows.scale.resenas; index += 1) {
    const { anfitrion_id } = rows.resena(index);
    if (touched.has(anfitrion_id)) hosts.add(anfitrion_id);
  }
  return hosts;
}

function firstInWindow({ scale }: Rows, newest: number): number {
  return scale.reservas - newest;
}
