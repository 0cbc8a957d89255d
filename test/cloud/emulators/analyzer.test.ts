import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../../setup/describe-with.ts';
import { type Analyzer, startAnalyzer } from './analyzer.ts';

const catalog = {
  tables: {
    'acme.raw.orders': {
      id: 'INT64',
      name: 'STRING',
      amount: 'NUMERIC',
      day: 'DATE',
      doc: 'JSON',
      tags: 'ARRAY<JSON>',
    },
    'acme.evidence._state_shop': { fencing_token: 'INT64', run_id: 'STRING' },
  },
  parameters: { token: 'INT64', run: 'STRING', since: 'TIMESTAMP' },
};

describeWith(['emulators'], 'analyzer', () => {
  let analyzer: Analyzer;
  const kinds = (sql: string) => analyzer.analyze(sql, catalog);
  beforeAll(() => {
    analyzer = startAnalyzer();
  });
  afterAll(() => analyzer?.stop());

  test('a whole commit: DDL, a transaction, its variables, and what DDL changed', async () => {
    const script = `DECLARE before INT64;
      CREATE TABLE IF NOT EXISTS \`acme.raw.new\` (id INT64 NOT NULL OPTIONS (description = 'x'), v BIGNUMERIC, day DATE,
        PRIMARY KEY (id) NOT ENFORCED) PARTITION BY day CLUSTER BY id OPTIONS (labels = [('a', 'b')]);
      ALTER TABLE \`acme.raw.orders\` ADD COLUMN IF NOT EXISTS extra STRING, ADD COLUMN IF NOT EXISTS id INT64;
      ALTER TABLE \`acme.raw.orders\` ALTER COLUMN amount SET DATA TYPE BIGNUMERIC;
      BEGIN TRANSACTION;
      UPDATE \`acme.evidence._state_shop\` SET run_id = @run WHERE fencing_token <= @token;
      IF @@row_count = 0 THEN RAISE USING MESSAGE = 'LOST'; END IF;
      SET before = (SELECT COUNT(*) FROM \`acme.raw.orders\`);
      MERGE \`acme.raw.orders\` t USING (SELECT 1 AS id, SAFE.PARSE_JSON('{}', wide_number_mode => 'exact') AS doc) s
        ON t.id = s.id AND t.id BETWEEN 1 AND 5
        WHEN MATCHED THEN UPDATE SET doc = s.doc WHEN NOT MATCHED THEN INSERT (id, extra) VALUES (s.id, 'new');
      TRUNCATE TABLE raw.new;
      INSERT INTO raw.new (id, v) SELECT id, amount FROM raw.orders QUALIFY ROW_NUMBER() OVER (PARTITION BY id) = 1;
      COMMIT TRANSACTION;
      SELECT before, @@row_count AS rows_;`;
    expect((await kinds(script)).join(' ')).toBe(
      'Declare CreateTableStmt AlterTableStmt AlterTableStmt BeginStmt UpdateStmt Raise If Set MergeStmt TruncateStmt ' +
        'InsertStmt CommitStmt QueryStmt',
    );
  });

  test('names in every grouping, wildcards, and time travel', async () => {
    for (const name of [
      '`acme.raw.orders`',
      '`acme`.`raw`.`orders`',
      '`acme.raw`.orders',
      'acme.raw.orders',
      'raw.orders',
    ]) {
      expect(await kinds(`SELECT id FROM ${name} FOR SYSTEM_TIME AS OF @since`)).toEqual(['QueryStmt']);
    }
    expect(await kinds('SELECT run_id, _TABLE_SUFFIX FROM `acme.evidence._state_*`')).toEqual(['QueryStmt']);
  });

  test.each([
    ['a wrong column', 'SELECT nope FROM raw.orders', /Unrecognized name: nope/],
    ['a wrong table', 'SELECT 1 FROM raw.nope', /Table not found: raw\.nope/],
    ['a wrong type', 'SELECT id + name FROM raw.orders', /No matching signature for operator \+/],
    [
      'a wrong type in an INSERT',
      `INSERT raw.orders (id) VALUES ('x')`,
      /STRING which cannot be inserted into column id/,
    ],
    ['a wrong column in an UPDATE', 'UPDATE raw.orders SET nope = 1 WHERE TRUE', /Unrecognized name: nope/],
    ['an UPDATE of everything by oversight', 'UPDATE raw.orders SET id = 1', /must have a WHERE clause/],
    ['a syntax error', 'SELEC 1', /Syntax error/],
    ['a reserved word as a name', 'SELECT id AS at FROM raw.orders', /Syntax error/],
    ['a syntax error late in a script', 'SELECT 1; BEGIN SELECT 2; IF TRUE THEN SELECT 3; END', /Syntax error/],
    ['an unknown parameter', 'SELECT @nobody', /parameter 'nobody' not found/i],
    ['a wrong type of a variable', 'DECLARE x INT64; SET x = 1.5', /Cannot coerce/],
    ['an unknown variable', 'SET x = 1', /Undeclared variable: x/],
    ['a condition that is none', 'IF 1 THEN SELECT 1; END IF', /common supertype/],
    ['a column that DDL did not add', 'ALTER TABLE raw.orders ADD COLUMN b INT64; SELECT c FROM raw.orders', /name: c/],
    [
      'a column to alter that is not there',
      'ALTER TABLE raw.orders ALTER COLUMN c DROP NOT NULL',
      /Column not found: c/,
    ],
    ['an error behind a condition', 'BEGIN SELECT 1; EXCEPTION WHEN ERROR THEN SELECT nope; END', /line 1.*name: nope/],
  ])('%s fails', async (_, sql, words) => {
    await expect(kinds(sql)).rejects.toThrow(words);
  });

  test('one process answers hundreds, each with its own answer', async () => {
    const answers = Array.from({ length: 100 }, (_, n) => [
      kinds(`SELECT id + ${n} FROM raw.orders`).then((found) => found.join()),
      kinds(`SELECT nope_${n} FROM raw.orders`).catch((error: Error) => /nope_\d+/.exec(error.message)?.[0]),
    ]);
    const expected = Array.from({ length: 100 }, (_, n) => ['QueryStmt', `nope_${n}`]);
    expect(await Promise.all(answers.flat())).toEqual(expected.flat());
  });
});
