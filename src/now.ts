// This machine's clock, as a run reads it.

/** Read once: whoever sets the clock while a run is at work moves no lag and no pause of it. */
const began = Date.now() - performance.now();

/** Milliseconds since 1970. Never goes back. */
export function now(): number {
  return Math.floor(began + performance.now());
}
