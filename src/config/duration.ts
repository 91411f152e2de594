// Durations and percentages as the config spells them. Pure; the schema has the same patterns for editors.

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `1.5s`, `2 h`; a bare number counts milliseconds. */
export const durationPattern = /^\d+(\.\d+)?\s*(ms|s|m|h|d)?$/;
export const percentPattern = /^\d+(\.\d+)?\s*%?$/;

/** Milliseconds; undefined when it is no duration. */
export function parseDuration(words: string | number): number | undefined {
  if (typeof words === 'number') return Number.isFinite(words) && words >= 0 ? words : undefined;
  const text = words.trim();
  if (!durationPattern.test(text)) return undefined;
  return Number.parseFloat(text) * (units[text.replace(/[\d.\s]/g, '')] ?? 1);
}

/** Percent from 0 to 100, `10` and `10%` alike; undefined when it is none. */
export function parsePercent(words: string | number): number | undefined {
  if (typeof words === 'string' && !percentPattern.test(words.trim())) return undefined;
  const percent = typeof words === 'number' ? words : Number.parseFloat(words);
  return percent >= 0 && percent <= 100 ? percent : undefined;
}
