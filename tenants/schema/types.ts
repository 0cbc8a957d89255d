import { z } from 'zod';

/** The types of a column, BigQuery's: what a `types` override may hold, beside NUMERIC(p,s) and ARRAY<type>. */
export const TYPE_NAMES = [
  'INT64',
  'FLOAT64',
  'NUMERIC',
  'BIGNUMERIC',
  'BOOL',
  'STRING',
  'BYTES',
  'DATE',
  'TIME',
  'DATETIME',
  'TIMESTAMP',
  'JSON',
] as const;

export type TypeName = (typeof TYPE_NAMES)[number];

/** Types of a column that a table can be partitioned by. */
export const PARTITION_TYPES: readonly TypeName[] = ['DATE', 'DATETIME', 'TIMESTAMP'];

/** Types of a column that a table can be clustered by. */
export const CLUSTER_TYPES: readonly TypeName[] = [
  'INT64',
  'NUMERIC',
  'BIGNUMERIC',
  'BOOL',
  'STRING',
  ...PARTITION_TYPES,
];

const SCALAR = TYPE_NAMES.filter((name) => !name.endsWith('NUMERIC')).join('|');

/** A type as a person writes it. `parseType` of runner/core/types.ts reads it. */
export const typeSchema = z
  .string()
  .regex(
    new RegExp(
      `^\\s*(?:${SCALAR}|(?:BIG)?NUMERIC(?:\\(\\s*\\d+\\s*(?:,\\s*\\d+\\s*)?\\))?|ARRAY<\\s*(?:${SCALAR})\\s*>)\\s*$`,
      'i',
    ),
    'is not a type',
  );
