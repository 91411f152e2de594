// Days of a time zone, and times as backup tools write them. Pure. A day is its ISO date, `2026-11-23`.

const DAY_MS = 86_400_000;

export const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

export function isTimeZone(name: string): boolean {
  try {
    clockOf(name);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

export function dayOf(instant: Date, timeZone: string): string {
  return new Date(wallClock(instant, timeZone)).toISOString().slice(0, 10);
}

export function addDays(day: string, count: number): string {
  return new Date(Date.parse(day) + count * DAY_MS).toISOString().slice(0, 10);
}

export function weekdayOf(day: string): Weekday {
  return WEEKDAYS[new Date(day).getUTCDay()]!;
}

/** `Mon 2026-11-23`. */
export function dayInWords(day: string): string {
  const weekday = weekdayOf(day);
  return `${weekday.charAt(0).toUpperCase()}${weekday.slice(1, 3)} ${day}`;
}

/** `Mon 2026-11-23 02:00`. */
export function momentInWords(instant: Date, timeZone: string): string {
  const text = new Date(wallClock(instant, timeZone)).toISOString();
  return `${dayInWords(text.slice(0, 10))} ${text.slice(11, 16)}`;
}

/** A date, with or without a time, in any of the spellings that file names and logs have. */
export const TIME_PATTERN =
  '\\d{4}-?\\d{2}-?\\d{2}(?:[T _-]?\\d{2}[:.-]?\\d{2}(?:[:.-]?\\d{2}(?:\\.\\d+)?)?)?(?: ?Z| ?[+-]\\d{2}(?::?\\d{2})?)?';

const parts =
  /^(\d{4})-?(\d{2})-?(\d{2})(?:[T _-]?(\d{2})[:.-]?(\d{2})(?:[:.-]?(\d{2})(?:\.\d+)?)?)? ?(Z|[+-]\d{2}(?::?\d{2})?)?$/i;

/** Seconds or milliseconds since 1970, or a date and time; without a zone it is one of `timeZone`. Undefined when it is none. */
export function parseTime(text: string, timeZone: string): Date | undefined {
  if (/^\d{9,10}(\.\d+)?$/.test(text)) return new Date(Number(text) * 1000);
  if (/^\d{13}$/.test(text)) return new Date(Number(text));
  const match = parts.exec(text);
  if (match === null) return undefined;
  const [, year, month, date, hour = '00', minute = '00', second = '00', zone] = match;
  const iso = `${year}-${month}-${date}T${hour}:${minute}:${second}.000Z`;
  const wall = Date.parse(iso);
  // The 31st of February is read as the 3rd of March.
  if (Number.isNaN(wall) || new Date(wall).toISOString() !== iso) return undefined;
  if (zone === undefined) return instantOf(wall, timeZone);
  return new Date(wall - (/^z$/i.test(zone) ? 0 : offsetIn(zone)));
}

function offsetIn(zone: string): number {
  const [hours, minutes = 0] = zone.slice(1).replace(':', '').match(/\d\d/g)!.map(Number);
  return (zone.startsWith('-') ? -1 : 1) * (hours! * 60 + minutes) * 60_000;
}

/** What a clock in that zone shows, as if it stood in UTC. */
function wallClock(instant: Date, timeZone: string): number {
  const shown = Object.fromEntries(
    clockOf(timeZone)
      .formatToParts(instant)
      .map(({ type, value }) => [type, Number(value)]),
  );
  return Date.UTC(shown.year!, shown.month! - 1, shown.day!, shown.hour!, shown.minute!, shown.second!);
}

/** Where clocks are put forward, a time that no clock showed is read as if they had not been; put back, it is the later one. */
function instantOf(wall: number, timeZone: string): Date {
  const guess = wall - (wallClock(new Date(wall), timeZone) - wall);
  return new Date(wall - (wallClock(new Date(guess), timeZone) - guess));
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** Throws a RangeError for a zone that is none. */
function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone);
  if (known !== undefined) return known;
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  clocks.set(timeZone, clock);
  return clock;
}
