// The fourth part: a check of the last seven days of few reservations and of many, with the same rows in the window.

import { measureRounds, type Recorder, stepOf } from '../rounds.ts';
import { type Census, type Source, withStores } from '../servers.ts';
import { clearWindow, seedWindow } from './seed.ts';

export interface Scales {
  readonly few: number;
  readonly many: number;
  /** Reservations in the window of either. */
  readonly newest: number;
}

/** Seven days of the year that the few are spread over hold somewhat more. */
const SHARE_IN_WINDOW = 0.015;

export function scalesOf(many: number): Scales {
  const few = Math.round(many / 10);
  return { few, many, newest: Math.floor(few * SHARE_IN_WINDOW) };
}

export async function measureWindow(source: Source, scales: Scales, recorder: Recorder, census: Census): Promise<void> {
  const { onProgress } = recorder;
  const { few, many, newest } = scales;
  await withStores(['cassandra', 'mongodb'], few, census, onProgress, async ([cassandra, mongodb]) => {
    const servers = { source: source.server, cassandra: cassandra!.url, mongodb: mongodb!.url };
    try {
      const places = [];
      for (const reservas of [few, many]) {
        onProgress(`seeding reservas: ${reservas.toLocaleString('en')} reservations`);
        places.push({ reservas, place: await seedWindow(servers, reservas, newest) });
      }
      const warmUp = places[0]!.place;
      await measureRounds(
        recorder,
        places.map(({ reservas, place }) => stepOf(windowName(reservas), newest, { variant: 'window', place, warmUp })),
      );
    } finally {
      await Promise.allSettled([few, many].map((reservas) => clearWindow(servers, reservas)));
    }
  });
}

export function windowName(reservas: number): string {
  return `7-day window of ${reservas.toLocaleString('en')} reservations`;
}
