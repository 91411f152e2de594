// The canonical field types. A column of any store is compared as one of these, whatever the store calls its own type.

/**
 * How a field is compared. Its canonical value is text (or null), one spelling for each value:
 *
 * | kind      | canonical text                                                                   |
 * | --------- | -------------------------------------------------------------------------------- |
 * | text      | as it is; `padded` (char(n)): without trailing blanks                             |
 * | enum      | the word or code as text: status words, mapped codes                              |
 * | boolean   | `true`, `false`                                                                   |
 * | integer   | `-12`; a fraction that a store wrongly holds stays (`1.5`) and so differs         |
 * | decimal   | plain digits, no exponent, no trailing zeros: `1200.5`, also `NaN`, `Infinity`    |
 * | float     | the shortest text that reads back equal, no `-0`: `0.1`, `1e+21`, `NaN`           |
 * | date      | `2026-11-22`, also `infinity`, `-infinity`                                        |
 * | timestamp | `2026-11-22T01:14:07.221000Z`, always six digits, cut (not rounded) to `precision`|
 * | uuid      | lower case with hyphens                                                           |
 * | bytes     | lower-case hex                                                                    |
 * | json      | keys by length then bytes, `, ` and `: ` between, numbers as decimal              |
 * | array     | a JSON array of the elements' canonical values                                    |
 * | vector    | `[0.1, 2]`, single precision                                                      |
 * | interval  | ISO 8601 as PostgreSQL writes it: `P1Y2M3DT4H5M6.7S`                              |
 */
export type FieldType =
  | { readonly kind: 'text'; readonly padded?: boolean }
  | { readonly kind: 'enum' }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'integer'; readonly bits: 32 | 64 }
  | { readonly kind: 'decimal' }
  | { readonly kind: 'float'; readonly bits: 32 | 64 }
  | { readonly kind: 'date' }
  | { readonly kind: 'timestamp' /** digits after the second, 0 to 6 */; readonly precision: number }
  | { readonly kind: 'uuid' }
  | { readonly kind: 'bytes' }
  | { readonly kind: 'json' }
  | { readonly kind: 'array'; readonly element: FieldType }
  | { readonly kind: 'vector' }
  | { readonly kind: 'interval' };

export type FieldKind = FieldType['kind'];

/** A canonical value: the text of the table above, or null. A field that a record lacks is null as well. */
export type Value = string | null;
