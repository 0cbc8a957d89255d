/** Decimals that no vector holds. */
import { describe, expect, it } from 'vitest';
import type { ObjectShape } from '../../../runner/core/contracts/source.ts';
import { type LogicalType, parseType, typeName } from '../../../runner/core/types.ts';
import { type MappedColumn, mapColumns, stagedColumns } from '../../../runner/pipeline/columns.ts';
import { type ColumnsSpec, columnsSchema, type SourceSpec } from '../../../tenants/schema/index.ts';

function mapped(type: string, columns: Partial<ColumnsSpec>, digits: 38 | 76) {
  const logical = parseType(type) as LogicalType;
  const column = { name: 'price', sourceType: 'numeric', logical, nullable: true };
  const shape: ObjectShape = {
    ...{ name: 't', kind: 'table', rows: null, bytes: null, columns: [column], key: [], cursorCandidates: [] },
  };
  const spec = { columns: columnsSchema.parse(columns), load: { strategy: 'catalog' } } as SourceSpec;
  const [one] = mapColumns(shape, spec, digits);
  if (one === undefined) throw new Error('the column is gone');
  const kind = one.read.logical.kind === 'STRING' ? 'text' : 'decimal';
  const [staged] = stagedColumns([one], [{ name: 'price', kind }]);
  return {
    read: typeName(one.read.logical),
    becomes: typeName(one.column.type),
    cast: one.cast,
    nullify: staged?.nullify ?? false,
  };
}

const nullify = { unrepresentable: { price: 'nullify' as const } };

describe('in a warehouse of 76 digits', () => {
  it.each([
    ['BIGNUMERIC', undefined],
    ['BIGNUMERIC(50,10)', undefined],
    ['BIGNUMERIC', 'BIGNUMERIC(60,2)'],
  ])('%s as %s is read as text and cast, with its policy', (type, override) => {
    const columns = override === undefined ? {} : { types: { price: override } };
    const wide = { read: 'STRING', becomes: override ?? type, cast: true };
    expect(mapped(type, columns, 76)).toEqual({ ...wide, nullify: false });
    expect(mapped(type, { ...columns, ...nullify }, 76)).toEqual({ ...wide, nullify: true });
  });

  it.each([
    ['NUMERIC(12,2)', {}, 'NUMERIC(12,2)', false],
    ['BIGNUMERIC(38,20)', {}, 'BIGNUMERIC(38,20)', false],
    ['NUMERIC(12,2)', { types: { price: 'BIGNUMERIC' } }, 'NUMERIC(12,2)', true],
    ['BIGNUMERIC', { types: { price: 'NUMERIC(12,2)' } }, 'BIGNUMERIC', true],
    ['BIGNUMERIC', { types: { price: 'STRING' } }, 'STRING', false],
    ['BIGNUMERIC', { mask: { price: 'sha256' as const } }, 'STRING', false],
  ])('%s with %o is read as before', (type, columns, read, cast) => {
    expect(mapped(type, { ...columns, ...nullify }, 76)).toMatchObject({ read, cast, nullify: false });
    expect(mapped(type, columns, 76)).toEqual(mapped(type, columns, 38));
  });
});

it('in one of 38 digits nothing is read as text', () => {
  for (const type of ['BIGNUMERIC', 'BIGNUMERIC(50,10)'])
    expect(mapped(type, nullify, 38)).toEqual({ read: type, becomes: type, cast: false, nullify: false });
});

it('a number that arrives as text is cast, with its policy', () => {
  const column: MappedColumn = {
    column: { name: 'price', type: { kind: 'NUMERIC' }, nullable: true },
    cast: false,
    read: {
      source: 'price',
      name: 'price',
      sourceType: 'text',
      logical: { kind: 'NUMERIC' },
      unrepresentable: 'nullify',
    },
  };
  const [staged] = stagedColumns([column], [{ name: 'price', kind: 'text' }]);
  expect(staged).toMatchObject({ cast: true, nullify: true });
});
