/** What arrives of a file: texts that the check types, or what Parquet has types for. */
import type { FilesSpec } from '../../tenants/schema/index.ts';
import type { ReadColumn } from '../core/contracts/source.ts';
import type { VectorColumn, VectorKind } from '../core/vectors.ts';
import { MODIFIED_COLUMN } from './select.ts';

const KINDS: Readonly<Record<string, VectorKind>> = {
  INT64: 'int64',
  FLOAT64: 'float64',
  BOOL: 'bool',
  BYTES: 'bytes',
  DATE: 'date',
  TIME: 'time',
  DATETIME: 'datetime',
  TIMESTAMP: 'timestamp',
};
const VECTOR_DIGITS = 38;

export function fileVectors(columns: readonly ReadColumn[], { format }: Pick<FilesSpec, 'format'>): VectorColumn[] {
  return columns.map((column): VectorColumn => {
    const { name, logical, mask, sourceType } = column;
    if (mask === undefined && column.source === MODIFIED_COLUMN && logical.kind === 'TIMESTAMP')
      return { name, kind: 'timestamp' };
    if (mask !== undefined || sourceType === 'text') return { name, kind: 'text' };
    if (logical.kind === 'JSON' && format !== 'csv') return { name, kind: 'json' };
    if (format !== 'parquet') return { name, kind: 'text' };
    if (logical.kind === 'NUMERIC' || logical.kind === 'BIGNUMERIC') {
      const { precision, scale = 0 } = logical;
      if (precision === undefined || precision > VECTOR_DIGITS) return { name, kind: 'text' };
      return { name, kind: 'decimal', precision, scale };
    }
    return { name, kind: KINDS[logical.kind] ?? 'text' };
  });
}
