// Figures in messages: as short as a person says them. Pure.

const SIZES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** `412 B`, `31 kB`, `18.2 GB`: powers of a thousand, as disks are sold. */
export function sizeInWords(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (rounded(value) >= 1000 && unit < SIZES.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${rounded(value)} ${SIZES[unit]}`;
}

/** Milliseconds: `31 ms`, `4.2 s`, `6 min 12 s`, `3 h`, `2 d 5 h`. */
export function durationInWords(milliseconds: number): string {
  if (rounded(milliseconds) < 1000) return `${rounded(milliseconds)} ms`;
  if (milliseconds < 59_500) return `${rounded(milliseconds / 1000)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3570) return pair(seconds, 60, 'min', 's');
  const minutes = Math.round(seconds / 60);
  return minutes < 1430 ? pair(minutes, 60, 'h', 'min') : pair(Math.round(minutes / 60), 24, 'd', 'h');
}

/** `1 standby`, `2 standbys`, `4,704 rows`. */
export function countInWords(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

/** `0 %`, `99.8 %`, `100 %`: never 100 for less, nor 0 for more. */
export function percentInWords(percent: number): string {
  const short = Math.round(percent * 10) / 10;
  if (short === 100 && percent < 100) return 'almost 100 %';
  return short === 0 && percent > 0 ? 'almost 0 %' : `${short} %`;
}

function pair(count: number, each: number, large: string, small: string): string {
  const rest = count % each;
  return `${Math.floor(count / each)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`;
}

function rounded(value: number): number {
  return Math.abs(value) < 99.95 ? Math.round(value * 10) / 10 : Math.round(value);
}
