import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseType } from '../../runner/core/types.ts';
import { tenantJsonSchema } from '../../tenants/json-schema.ts';
import { columnsSchema, durationSeconds, queryProblem, TYPE_NAMES } from '../../tenants/schema/index.ts';
import { distance, suggest } from '../../tenants/suggest.ts';

describe('the published schema', () => {
  it('is the one in the folder; regenerate it with npm run generate', () => {
    expect(JSON.parse(readFileSync('tenants/tenant.schema.json', 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(tenantJsonSchema())),
    );
  });

  it('describes every key', () => {
    const bare: string[] = [];
    const walk = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      const { properties = {} } = node as { properties?: Record<string, Record<string, unknown>> };
      for (const [key, value] of Object.entries(properties)) {
        if (value.description === undefined) bare.push(`${path}.${key}`);
      }
      for (const [key, value] of Object.entries(node)) if (key !== 'examples') walk(value, `${path}.${key}`);
    };
    walk(tenantJsonSchema(), '');
    expect(bare).toEqual([]);
  });
});

describe('the parts of the schema', () => {
  it('reads durations', () => {
    expect(['30s', '10m', '2h', '1d'].map(durationSeconds)).toEqual([30, 600, 7200, 86_400]);
    expect(() => durationSeconds('10')).toThrow('not a duration');
  });

  it('takes the types the runner takes', () => {
    for (const type of [
      ...TYPE_NAMES,
      'numeric(12, 2)',
      'ARRAY<STRING>',
      'BIGNUMERIC(50)',
      'VARCHAR',
      'ARRAY<NUMERIC>',
      'INT64(3)',
    ]) {
      expect(columnsSchema.safeParse({ types: { a: type } }).success).toBe(parseType(type) !== null);
    }
  });

  it('keeps a mask of null as a mask', () => {
    expect(columnsSchema.parse({ mask: { a: null, b: 'null' } }).mask).toEqual({ a: 'null', b: 'null' });
    expect(z.toJSONSchema(columnsSchema, { io: 'output' })).toBeTruthy();
  });

  it.each([
    ['SELECT 1', null],
    ["select a from t where b = '; drop table t' -- ;\n;", null],
    ['(SELECT 1) UNION ALL (SELECT 2)', null],
    ['WITH x AS (SELECT "update", updated_at, deleted FROM t) SELECT * FROM x', null],
    ['SELECT 1; SELECT 2', 'holds more than one statement'],
    ['DELETE FROM t', 'must begin with SELECT or WITH'],
    ['SELECT * INTO x FROM t', 'must only read, but holds INTO'],
    ['SELECT * FROM t FOR UPDATE', 'must only read, but holds FOR'],
    ['WITH u AS (UPDATE t SET a = 1 RETURNING a) SELECT * FROM u', 'must only read, but holds UPDATE'],
    ['SELECT /*!50000 1 */', 'holds an executable comment (/*!)'],
    ['-- nothing', 'is empty'],
  ])('looks at the query %s', (query, problem) => {
    expect(queryProblem(query)).toBe(problem);
  });

  it('counts slips of the finger', () => {
    expect([distance('cursor', 'cursro'), distance('a', 'a'), distance('kye', 'key'), distance('abc', 'xyz')]).toEqual([
      1, 0, 1, 3,
    ]);
    expect([suggest('cursr', ['cursor', 'key']), suggest('zz', ['by', 'at']), suggest('Mode', ['mode'])]).toEqual([
      'cursor',
      undefined,
      'mode',
    ]);
  });
});
