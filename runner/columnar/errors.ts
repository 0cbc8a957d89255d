/** DuckDB's messages → the catalogue. */
import type { Facts } from '../core/catalogue.ts';
import { ChannelStopped } from '../core/channel.ts';
import { TributaryError } from '../core/errors.ts';

const RULES: readonly (readonly [
  RegExp,
  (
    | 'WAREHOUSE_BUSY'
    | 'WAREHOUSE_DISK_FULL'
    | 'WAREHOUSE_READ_ONLY'
    | 'WAREHOUSE_CORRUPT'
    | 'WAREHOUSE_MEMORY'
    | 'WAREHOUSE_CONFLICT'
  ),
])[] = [
  [/out of memory|(failed to|could not) (pin|allocate)/i, 'WAREHOUSE_MEMORY'],
  [/conflicting lock|could not set lock/i, 'WAREHOUSE_BUSY'],
  [/no space left|disk full|disk quota|file too large|could not write.*(space|quota)/i, 'WAREHOUSE_DISK_FULL'],
  [
    /permission denied|read-only file system|read-only mode|cannot open file.*denied|is a directory|no such file or directory|not a directory/i,
    'WAREHOUSE_READ_ONLY',
  ],
  [
    /not a valid duckdb database|corrupt|checksum|deserialize|serialization error|trying to read a database file|unexpected end|could not read/i,
    'WAREHOUSE_CORRUPT',
  ],
  [/conflict on tuple|transaction.*conflict|catalog write-write conflict/i, 'WAREHOUSE_CONFLICT'],
];

/** The process that holds the file, from DuckDB's own message. */
function holder(message: string): string {
  return /held in (.+? \(PID \d+\))/i.exec(message)?.[1] ?? 'another process';
}

export function duckdbProblem(error: unknown, facts: Facts): unknown {
  if (TributaryError.is(error) || error instanceof ChannelStopped) return error;
  const message = error instanceof Error ? error.message : String(error);
  // The catalogue ends the sentence.
  const reason = (message.split('\n')[0] ?? '').slice(0, 300).replace(/[.\s]+$/, '');
  const code = RULES.find(([pattern]) => pattern.test(message))?.[1] ?? 'WAREHOUSE_FAILED';
  return new TributaryError(code, { ...facts, reason, holder: holder(message) }, { cause: error });
}
