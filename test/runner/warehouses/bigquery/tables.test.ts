import { describe, expect, test } from 'vitest';
import type { TableColumn } from '../../../../runner/core/contracts/warehouse.ts';
import { type LogicalType, parseType } from '../../../../runner/core/types.ts';
import { brakeAmong, raisedOf } from '../../../../runner/warehouses/bigquery/brake.ts';
import { checkedOf } from '../../../../runner/warehouses/bigquery/check-query.ts';
import { commitScript } from '../../../../runner/warehouses/bigquery/commit-script.ts';
import { costStatements } from '../../../../runner/warehouses/bigquery/cost-statement.ts';
import {
  DESCRIPTION_LABEL,
  designChange,
  type FoundTable,
  foundTable,
  labelsOf,
} from '../../../../runner/warehouses/bigquery/design.ts';
import { createStateView, stateViewLabel } from '../../../../runner/warehouses/bigquery/evidence.ts';
import { createTable, evolution, widens } from '../../../../runner/warehouses/bigquery/tables.ts';
import { undoPlan } from '../../../../runner/warehouses/bigquery/undo-script.ts';
import { COMMITS, DESIGN, foundOf, MERGE, PROJECT, specOf, TARGET } from './scenes.ts';

const type = (text: string) => parseType(text) as LogicalType;
const of = (name: string, kind: string): TableColumn => ({ name, type: type(kind), nullable: true });

describe('a table that is there', () => {
  test('what the API says of it', () => {
    expect(
      foundTable({
        schema: {
          fields: [
            { name: 'id', type: 'INTEGER', mode: 'REQUIRED', description: 'Id' },
            { name: 'tags', type: 'STRING', mode: 'REPEATED' },
          ],
        },
        timePartitioning: { type: 'DAY', field: 'at', expirationMs: '86400000' },
        clustering: { fields: ['id'] },
        requirePartitionFilter: true,
        labels: { team: 'x' },
        tableConstraints: { primaryKey: { columns: ['id'] } },
        numRows: '7',
      }),
    ).toEqual({
      columns: [
        { name: 'id', type: { kind: 'INT64' }, nullable: false, description: 'Id' },
        { name: 'tags', type: { kind: 'ARRAY', item: 'STRING' }, nullable: true },
      ],
      partition: { column: 'at', by: 'day', expirationMs: '86400000' },
      clusterBy: ['id'],
      requirePartitionFilter: true,
      description: '',
      labels: { team: 'x' },
      key: ['id'],
      rows: 7,
    });
  });

  test.each([
    ['INT64', 'NUMERIC', true],
    ['INT64', 'NUMERIC(12,2)', false],
    ['INT64', 'NUMERIC(38,2)', true],
    ['NUMERIC(12,2)', 'NUMERIC(14,2)', true],
    ['NUMERIC(12,2)', 'NUMERIC(12,4)', false],
    ['NUMERIC', 'BIGNUMERIC', true],
    ['BIGNUMERIC', 'NUMERIC', false],
    ['INT64', 'STRING', false],
    ['DATE', 'TIMESTAMP', false],
  ])('%s → %s: %s', (from, to, allowed) => {
    expect(widens(type(from), type(to))).toBe(allowed);
  });

  test('it grows by what it lacks, and a wider column stays', () => {
    const found = foundOf(specOf(MERGE), {
      columns: [of('id', 'NUMERIC'), { ...of('note', 'STRING'), nullable: false }, of('old', 'STRING')],
    });
    const grown = evolution(PROJECT, TARGET, [of('id', 'INT64'), of('note', 'STRING'), of('x', 'DATE')], found, false);
    expect(grown).toEqual({
      before: [
        'ALTER TABLE `test-project`.`acme_raw`.`orders` ADD COLUMN IF NOT EXISTS `x` DATE',
        'ALTER TABLE `test-project`.`acme_raw`.`orders` ALTER COLUMN `note` DROP NOT NULL',
      ],
      after: [],
      incompatible: [],
      added: ['x'],
    });
  });

  test('columns that a replace has no more go after it; those that the table lies by cannot', () => {
    const found = foundOf(specOf({ kind: 'replace' }), {
      columns: [of('id', 'INT64'), of('old', 'STRING')],
      clusterBy: [],
    });
    const drop = 'ALTER TABLE `test-project`.`acme_raw`.`orders` DROP COLUMN IF EXISTS `old`';
    expect(evolution(PROJECT, TARGET, [of('id', 'INT64')], found, true)).toMatchObject({
      after: [drop],
      incompatible: [],
    });
    const clustered = { ...found, clusterBy: ['old'] };
    expect(evolution(PROJECT, TARGET, [of('id', 'INT64')], clustered, true).incompatible).toMatchObject([
      { column: 'old' },
    ]);
  });

  test('a type that no row fits is refused before anything is changed', () => {
    const spec = specOf(MERGE);
    const input = { ...COMMITS.merge, spec, found: foundOf(spec, { columns: [of('id', 'DATE')] }) };
    expect(() => commitScript(input as never)).toThrow(/id was DATE and would become INT64/);
  });
});

describe('the design', () => {
  const found: FoundTable = foundOf(specOf(MERGE), { clusterBy: ['id'], labels: { tenant: 'acme', team: 'theirs' } });
  const change = (wanted: Partial<typeof DESIGN>, there: Partial<FoundTable> = {}, replace = false) =>
    designChange(PROJECT, TARGET, { ...DESIGN, ...wanted }, { ...found, ...there }, replace);
  const NOTHING = { patch: null, statements: [], refusal: null };

  test('nothing is done where it is as it should be', () => {
    expect(change({})).toEqual(NOTHING);
    expect(change({ clusterBy: [] }, { clusterBy: ['theirs'] })).toEqual(NOTHING);
  });

  test('clustering, labels, filter and expiration are patched', () => {
    const partitionBy = { column: 'at', by: 'day' } as const;
    const wanted = {
      clusterBy: ['note', 'id'],
      labels: { tenant: 'acme', cost_center: 'sales' },
      partitionBy,
      requirePartitionFilter: true,
      partitionExpirationDays: 2,
    };
    expect(change(wanted, { partition: { ...partitionBy, expirationMs: null } })).toEqual({
      patch: {
        clustering: { fields: ['note', 'id'] },
        requirePartitionFilter: true,
        timePartitioning: { type: 'DAY', field: 'at', expirationMs: '172800000' },
        labels: { cost_center: 'sales' },
      },
      statements: [],
      refusal: null,
    });
  });

  test('a description of ours follows the tenant file, another one stays', () => {
    const first = change({ description: 'Orders' });
    const label = labelsOf({ ...DESIGN, description: 'Orders' })[DESCRIPTION_LABEL];
    expect(first.patch).toEqual({ description: 'Orders', labels: { [DESCRIPTION_LABEL]: label } });
    const ours = { description: 'Orders', labels: { ...found.labels, [DESCRIPTION_LABEL]: String(label) } };
    expect(change({ description: 'Orders' }, ours)).toEqual(NOTHING);
    expect(change({ description: 'All orders' }, ours).patch).toMatchObject({ description: 'All orders' });
    expect(change({ description: 'All orders' }, { ...ours, description: 'By hand' })).toEqual(NOTHING);
  });

  test('other partitions are refused with the statements that move the rows, unless all rows are replaced', () => {
    const partitionBy = { column: 'at', by: 'month' } as const;
    const { refusal, patch } = change({ partitionBy }, { partition: { column: 'at', by: 'day', expirationMs: null } });
    expect(patch).toBeNull();
    expect(refusal?.reason).toBe('it is partitioned by at, by day and should be partitioned by at, by month');
    expect(refusal?.advice).toContain('PARTITION BY TIMESTAMP_TRUNC(`at`, MONTH) CLUSTER BY `id` AS SELECT * FROM');
    expect(change({ partitionBy }, {}, true)).toEqual(NOTHING);
  });

  test('a key is told, changed and taken back', () => {
    const alter = 'ALTER TABLE `test-project`.`acme_raw`.`orders`';
    expect(change({ key: ['id'] }).statements).toEqual([`${alter} ADD PRIMARY KEY (\`id\`) NOT ENFORCED`]);
    expect(change({}, { key: ['id'] }).statements).toEqual([`${alter} DROP PRIMARY KEY IF EXISTS`]);
  });

  test('what people wrote cannot leave its literal, and is as long as it may be', () => {
    const nasty = "x') --`\n\\";
    const sql = createTable(
      PROJECT,
      { dataset: 'd', table: 't`x' },
      [{ name: 'a`b', type: { kind: 'DATE' }, nullable: true, description: `${nasty}${'ü'.repeat(2000)}` }],
      { ...DESIGN, partitionBy: { column: 'a`b', by: 'day' }, clusterBy: [], description: nasty, labels: {} },
    );
    expect(sql).not.toContain('\n');
    expect(sql).toContain(`description = 'x\\') --\`\\u000a\\\\'`);
    expect(sql).toContain('`a\\`b` DATE OPTIONS');
    expect(sql).toContain('PARTITION BY `a\\`b` OPTIONS');
    expect(sql.match(/ü/g)).toHaveLength(1024 - nasty.length - 1);
  });
});

test('the view of states says over which tables it is', () => {
  const one = stateViewLabel(['_state_a']);
  expect(stateViewLabel(['_state_b', '_state_a'])).toEqual(stateViewLabel(['_state_a', '_state_b']));
  expect(one).not.toEqual(stateViewLabel(['_state_a', '_state_b']));
  expect(createStateView(PROJECT, 'acme', ['_state_a'], {})).toContain(`'${one.states}'`);
});

describe('what it costs', () => {
  const unpruned = (spec: Parameters<typeof costStatements>[1], found: Partial<FoundTable>) =>
    costStatements(PROJECT, spec, foundOf(spec, found)).unpruned;
  const partition = { column: 'at', by: 'day', expirationMs: null };

  test.each([
    ['clustered by the key', specOf(MERGE), { clusterBy: ['id'], partition }, null],
    ['the partition is no part of the key', specOf(MERGE), { clusterBy: [], partition }, 'at is no part of the key'],
    [
      'clustered by something else',
      specOf(MERGE),
      { clusterBy: ['note'] },
      'the table is clustered by note, not by the key',
    ],
    ['neither', specOf(MERGE), { clusterBy: [] }, 'the table is neither partitioned nor clustered by its key (id)'],
    ['the partition is part of the key', specOf({ ...MERGE, key: ['at', 'id'] }), { clusterBy: [], partition }, null],
    ['a sweep', specOf({ ...MERGE, deletes: 'soft' }), {}, 'a sweep of deletes compares the key of every row'],
    ['an append', specOf({ kind: 'append' }), { clusterBy: [] }, null],
    ['a replace', specOf({ kind: 'replace' }), {}, null],
  ] as const)('%s', (_, spec, found, reason) => {
    expect(unpruned(spec, found)).toBe(reason);
  });

  test('what reads nothing of the table is not asked about', () => {
    for (const change of [{ kind: 'append' }, { kind: 'replace' }] as const) {
      const spec = specOf(change);
      expect(costStatements(PROJECT, spec, foundOf(spec)).statements).toEqual([]);
    }
    expect(costStatements(PROJECT, specOf(MERGE), null)).toEqual({ statements: [], unpruned: null });
  });
});

describe('what comes back', () => {
  test('messages that scripts raise', () => {
    expect(raisedOf('Query error: TRIBUTARY:LEASE_LOST at [9:1]')).toEqual({ code: 'LEASE_LOST' });
    expect(raisedOf('TRIBUTARY:CONFLICT at [9:1]')).toEqual({ code: 'CONFLICT' });
    expect(raisedOf('TRIBUTARY:BRAKE_DELETES:7:10 at')).toEqual({ code: 'BRAKE_DELETES', gone: 7, before: 10 });
    expect(raisedOf('Division by zero')).toBeNull();
    expect(brakeAmong(specOf({ kind: 'append', stretch: { column: 'at', from: null, to: '5' } }))).toBe(' (at < 5)');
  });

  test('the check', () => {
    const row = {
      good: '3',
      bad: '1',
      frequent_reason: 'x',
      nullified: '2',
      min_0: '1',
      max_0: '9',
      nulls_0: '0',
      distinct_keys: '3',
    };
    expect(checkedOf(row, ['id'])).toEqual({
      rows: 3,
      misfits: 1,
      frequentReason: 'x',
      nullified: 2,
      ranges: [{ column: 'id', min: '1', max: '9', nulls: 0 }],
      distinctKeys: 3,
    });
  });

  const run = { run_id: 'r2', mode: 'cloud_run', undone_by: null, started_from: 't', hours: '5', earlier: '1' };
  test.each([
    ['no run', [], 'no run of this source has this id'],
    ['an undo', [{ ...run, mode: 'undo' }], 'it is an undo itself'],
    ['undone', [{ ...run, undone_by: 'r9' }], 'run r9 has undone it'],
    ['too old', [{ ...run, hours: '168' }], 'it is more than seven days old, and BigQuery keeps no earlier state'],
    ['the first', [{ ...run, earlier: '0' }], 'it was the first run of the source: there was nothing before it'],
    [
      'later runs',
      [run, { ...run, run_id: 'r3' }, { ...run, run_id: 'r4', undone_by: 'r5' }],
      { at: 't', runs: ['r2', 'r3'] },
    ],
  ])('an undo: %s', (_, rows, plan) => {
    expect(undoPlan(rows)).toEqual(plan);
  });
});
