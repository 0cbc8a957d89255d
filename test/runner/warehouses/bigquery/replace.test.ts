/** A replace leaves what people said of the table. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Api, openClient } from '../../../../runner/bigquery/client.ts';
import type { Warehouse } from '../../../../runner/core/contracts/warehouse.ts';
import {
  A,
  APPEND,
  B,
  benchColumn,
  codeOf,
  REPLACE,
  TARGET,
  WarehouseBench,
} from '../../../contracts/warehouse-bench.ts';
import { bigqueryDialect, type Cloud, startCloud } from '../../../contracts/warehouse-bigquery.ts';
import { describeWith } from '../../../setup/describe-with.ts';

const TABLE = `/datasets/${TARGET.dataset}/tables/${TARGET.table}`;
const RETYPED = [benchColumn('id', 'text'), benchColumn('note', 'text')];

interface Said {
  readonly description?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

describeWith(['emulators'], 'a replace in BigQuery', () => {
  let cloud: Cloud;
  let warehouse: Warehouse;
  let bench: WarehouseBench;
  let api: Api;
  const warnings: string[] = [];
  /** Stops the process's calls to BigQuery from this one on. */
  let stopAt: RegExp | null = null;

  const sql = (text: string) => warehouse.query(text);
  const policies = async () => {
    const path = `${TABLE}/rowAccessPolicies`;
    const { rowAccessPolicies = [] } = await api.request<{
      rowAccessPolicies?: { rowAccessPolicyReference: { policyId: string }; filterPredicate: string }[];
    }>({ path });
    // The emulator keeps the quotes of a name.
    const found = rowAccessPolicies.map(({ rowAccessPolicyReference, filterPredicate }) =>
      JSON.stringify([rowAccessPolicyReference.policyId.replaceAll('`', ''), filterPredicate]),
    );
    return [...new Set(found)].map((text) => JSON.parse(text) as unknown);
  };

  beforeAll(async () => {
    cloud = await startCloud();
  });
  afterAll(() => cloud?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    stopAt = null;
    warnings.length = 0;
    const project = `p-${Math.random().toString(36).slice(2)}`;
    api = openClient({ project, location: 'US', endpoint: cloud.bigquery.host });
    const wrap = (inner: Api): Api => ({
      ...inner,
      request: (call) => {
        if (stopAt?.test(JSON.stringify(call))) throw new Error('killed');
        return inner.request(call);
      },
    });
    warehouse = await cloud.open({ project, wrap, onWarning: (text) => warnings.push(text) });
    bench = new WarehouseBench(warehouse, bigqueryDialect);
    await bench.load([A], { change: REPLACE });
    await api.request({
      method: 'PATCH',
      path: TABLE,
      body: { description: 'Orders of Acme', labels: { team: 'sales' } },
    });
  });

  async function said(): Promise<Said> {
    const { description = '', labels = {} } = await api.request<Said>({ path: TABLE });
    return { description, labels };
  }

  test('of rows alone: the table stays the same one', async () => {
    await sql(
      "CREATE ROW ACCESS POLICY mine ON `acme_raw.orders` GRANT TO ('allUsers') FILTER USING (note IS NOT NULL)",
    );
    expect(await bench.load([B], { change: REPLACE })).toMatchObject({ inserted: 1, deleted: 1 });
    expect(await policies()).toEqual([['mine', 'note IS NOT NULL']]);
    expect(await said()).toMatchObject({ description: 'Orders of Acme', labels: { team: 'sales' } });
    expect(await bench.rows()).toEqual([['2', 'b']]);
  });

  test('of types: the table is made anew and gets it back', async () => {
    await sql(
      "CREATE ROW ACCESS POLICY mine ON `acme_raw.orders` GRANT TO ('allUsers') FILTER USING (note IS NOT NULL)",
    );
    expect(await bench.load([['x', 'b']], { change: REPLACE, columns: RETYPED })).toMatchObject({
      inserted: 1,
      deleted: 1,
    });
    expect(await policies()).toEqual([['mine', 'note IS NOT NULL']]);
    expect(await said()).toMatchObject({ description: 'Orders of Acme', labels: { team: 'sales' } });
    expect(await bench.rows()).toEqual([['x', 'b']]);
    expect(warnings).toEqual([]);
  });

  test('a run that dies in between leaves it to the next one', async () => {
    await sql(
      "CREATE ROW ACCESS POLICY mine ON `acme_raw.orders` GRANT TO ('allUsers') FILTER USING (note IS NOT NULL)",
    );
    const spec = await bench.stage([['x', 'b']], { change: REPLACE, columns: RETYPED });
    stopAt = /SELECT governance|"DELETE"/;
    expect(await codeOf(bench.commit(spec, { change: REPLACE, columns: RETYPED }))).not.toBe('done');
    expect(await bench.rows()).toEqual([]);
    stopAt = null;
    // BigQuery drops them with the old table, the emulator does not.
    await sql('DROP ALL ROW ACCESS POLICIES ON `acme_raw.orders`');
    expect(await policies()).toEqual([]);
    await warehouse.discard(spec.run, TARGET);
    const next = await bench.stage([['y', 'c']], { change: REPLACE, columns: RETYPED });
    expect(await policies()).toEqual([['mine', 'note IS NOT NULL']]);
    expect(await said()).toMatchObject({ description: 'Orders of Acme', labels: { team: 'sales' } });
    expect(await bench.commit(next, { change: REPLACE, columns: RETYPED })).toMatchObject({ inserted: 1 });
    expect(await bench.rows()).toEqual([['y', 'c']]);
  });

  test('a policy that the new columns do not fit stops it, with the rows as they were', async () => {
    await sql(
      "CREATE ROW ACCESS POLICY mine ON `acme_raw.orders` GRANT TO ('allUsers') FILTER USING (at IS NULL OR TRUE)".replace(
        '(at',
        '(`at`',
      ),
    );
    const work = bench.load([['x', 'b']], { change: REPLACE, columns: RETYPED });
    expect(await codeOf(work)).toBe('TABLE_DESIGN_CHANGED');
    expect(await bench.rows()).toEqual([['1', 'a']]);
    expect(await bench.load([B], { change: APPEND, token: 9 })).toMatchObject({ inserted: 1 });
  });
});
