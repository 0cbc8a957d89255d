/** Rows as the API gives them → values as JSON would have them, in the texts that the embedded warehouse uses too. */

/** A row of a query by the names of its columns. INT64, NUMERIC and times are text, which holds all their digits. */
export type Row = Readonly<Record<string, unknown>>;

export interface ApiField {
  readonly name: string;
  readonly type: string;
  readonly mode?: string | null;
  readonly description?: string | null;
  readonly precision?: string | null;
  readonly scale?: string | null;
  readonly fields?: readonly ApiField[] | null;
}

export interface ApiSchema {
  readonly fields?: readonly ApiField[] | null;
}

interface ApiCell {
  readonly v: unknown;
}

export interface ApiRow {
  readonly f: readonly ApiCell[];
}

export function rowsOf(schema: ApiSchema | undefined, rows: readonly ApiRow[]): Row[] {
  const fields = schema?.fields ?? [];
  return rows.map((row) => recordOf(fields, row));
}

function recordOf(fields: readonly ApiField[], { f }: ApiRow): Row {
  return Object.fromEntries(fields.map((field, i) => [field.name, cellValue(field, f[i]?.v ?? null)]));
}

function cellValue(field: ApiField, value: unknown): unknown {
  if (field.mode === 'REPEATED')
    return ((value ?? []) as readonly ApiCell[]).map(({ v }) => cellValue({ ...field, mode: 'NULLABLE' }, v));
  if (value === null) return null;
  switch (field.type) {
    case 'RECORD':
    case 'STRUCT':
      return recordOf(field.fields ?? [], value as ApiRow);
    case 'BOOLEAN':
    case 'BOOL':
      return String(value) === 'true';
    case 'FLOAT':
    case 'FLOAT64':
      return numberOf(String(value));
    case 'TIMESTAMP':
      return `${timeText(microsOf(String(value)))}+00`;
    case 'DATETIME':
      return withoutZeros(String(value).replace('T', ' '));
    case 'TIME':
      return withoutZeros(String(value));
    default:
      return String(value);
  }
}

/** JSON has no NaN and no infinity: they stay text. */
function numberOf(text: string): number | string {
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

/**
 * Microseconds since 1970: what `useInt64Timestamp` asks for, or the seconds that an API without it gives.
 *
 * @example microsOf('1.767225601E9') // 1767225601000000n
 */
export function microsOf(text: string): bigint {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (parts === null) throw new RangeError(`no timestamp: ${text}`);
  const [, sign = '', whole = '', fraction = '', exponent] = parts;
  const seconds = text.includes('.') || exponent !== undefined;
  const shift = (seconds ? 6 : 0) + Number(exponent ?? 0) - fraction.length;
  const digits = `${whole}${fraction}`;
  const kept = shift >= 0 ? digits + '0'.repeat(shift) : digits.slice(0, shift) || '0';
  return sign === '-' ? -BigInt(kept) : BigInt(kept);
}

/** `2026-01-01 00:00:01.5`, of the years 1 to 9999. */
function timeText(micros: bigint): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const second = new Date(Number((micros - fraction) / 1000n)).toISOString().slice(0, 19).replace('T', ' ');
  return withoutZeros(`${second}.${String(fraction).padStart(6, '0')}`);
}

function withoutZeros(time: string): string {
  return time.includes('.') ? time.replace(/\.?0+$/, '') : time;
}
