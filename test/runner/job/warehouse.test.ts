/** Which warehouse `--warehouse` names. */
import { describe, expect, it } from 'vitest';
import type { Warehouse } from '../../../runner/core/contracts/warehouse.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { environment, evidenceTable, ON_STDERR, openWarehouse, projectOf } from '../../../runner/job/warehouse.ts';
import { tenantSchema } from '../../../tenants/schema/index.ts';

const tenant = tenantSchema.parse({ tenant: 'acme-shop' });

function codeOf(work: () => unknown): string {
  try {
    return String(work());
  } catch (error) {
    return problemOf(error).code;
  }
}

describe('the project', () => {
  it.each([
    ['named', 'of-the-file', { TRIBUTARY_PROJECT: 'of-the-job', GOOGLE_CLOUD_PROJECT: 'of-the-machine' }, 'named'],
    ['', 'of-the-file', { TRIBUTARY_PROJECT: 'of-the-job' }, 'of-the-file'],
    ['', undefined, { TRIBUTARY_PROJECT: 'of-the-job', GOOGLE_CLOUD_PROJECT: 'of-the-machine' }, 'of-the-job'],
    ['', undefined, { TRIBUTARY_PROJECT: '', GOOGLE_CLOUD_PROJECT: 'of-the-machine' }, 'of-the-machine'],
    ['', undefined, {}, 'WAREHOUSE_PROJECT_MISSING'],
  ])('%j, %s, %o: %s', (named, project, env, wanted) => {
    expect(codeOf(() => projectOf(named, { tenant: 'acme', project }, env))).toBe(wanted);
  });
});

it.each(['postgres:x', 'duckdb', 'duckdb:', 'bigqueries:p', ''])('%j is no warehouse', async (warehouse) => {
  const { code, fix } = await openWarehouse({ warehouse }, tenant, ON_STDERR).then(() => ({}) as never, problemOf);
  expect({ code, fix }).toEqual({ code: 'USAGE', fix: expect.stringContaining('bigquery:<project>') });
});

it('evidence tables have the name of their warehouse', () => {
  const named = (kind: string) => evidenceTable({ kind } as Warehouse, 'acme-shop', '_runs');
  expect(named('duckdb')).toBe('warehouse."acme_shop_tributary"."_runs"');
  expect(named('bigquery')).toBe('`acme_shop_tributary._runs`');
});

it('the environment is of the job, else dev', () => {
  expect([environment({ TRIBUTARY_ENV: 'prod' }), environment({})]).toEqual(['prod', 'dev']);
});
