// Maintenance windows: when a repair may write. Pure.

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
const day = `(?:${DAYS.join('|')})`;
/** `01:00-05:00`, `Sat,Sun 00:00-24:00`, `Mon-Fri 22:00-05:00`. */
export const windowPattern = new RegExp(`^(?:${day}(?:[,-]${day})*\\s+)?\\d\\d:\\d\\d\\s*-\\s*\\d\\d:\\d\\d$`);

export interface Window {
  /** Days on which it begins, 0 for Monday. */
  readonly days: ReadonlySet<number>;
  /** Minutes after midnight. An end that is not behind the begin is on the next day. */
  readonly from: number;
  readonly to: number;
}

const WHOLE_DAY = 24 * 60;

/** Undefined when it is none. */
export function parseWindow(words: string): Window | undefined {
  const text = words.trim();
  if (!windowPattern.test(text)) return undefined;
  const [, dayWords, from, to] = /^(?:(\S+)\s+)?(\d\d:\d\d)\s*-\s*(\d\d:\d\d)$/.exec(text)!;
  const [begin, end] = [minutesOf(from!), minutesOf(to!)];
  if (begin === undefined || end === undefined || begin === end || begin === WHOLE_DAY) return undefined;
  return { days: daysOf(dayWords), from: begin, to: end };
}

/** `timeZone`: as IANA names it. */
export function isWithin(windows: readonly Window[], time: Date, timeZone: string): boolean {
  const { weekday, minute } = localTime(time, timeZone);
  return windows.some(({ days, from, to }) => {
    if (from < to) return days.has(weekday) && minute >= from && minute < to;
    const isEvening = days.has(weekday) && minute >= from;
    const isMorning = days.has((weekday + 6) % 7) && minute < to;
    return isEvening || isMorning;
  });
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function localTime(time: Date, timeZone: string): { readonly weekday: number; readonly minute: number } {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(time)
      .map(({ type, value }) => [type, value]),
  );
  const weekday = DAYS.indexOf(parts.get('weekday') as (typeof DAYS)[number]);
  return { weekday, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) };
}

/** Costly to make. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  formats.set(timeZone, format);
  return format;
}

function minutesOf(words: string): number | undefined {
  const [hours, minutes] = words.split(':').map(Number) as [number, number];
  const total = hours * 60 + minutes;
  return minutes < 60 && total <= WHOLE_DAY ? total : undefined;
}

function daysOf(words: string | undefined): ReadonlySet<number> {
  if (words === undefined) return new Set(DAYS.keys());
  const days = new Set<number>();
  for (const range of words.split(',')) {
    const [first, last = first] = range.split('-').map((name) => DAYS.indexOf(name as (typeof DAYS)[number]));
    for (let at = first!; ; at = (at + 1) % DAYS.length) {
      days.add(at);
      if (at === last) break;
    }
  }
  return days;
}
