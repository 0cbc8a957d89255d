import { expect, it } from 'vitest';
import { distinctShare } from '../../../runner/sources/mysql/distinct.ts';
import { forever } from '../../contracts/source-reading.ts';
import { series, startMysql } from '../../servers/mysql.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { openAt } from './mysql-opened.ts';

it('the share of different values follows from the same ones in a sample', () => {
  expect(distinctShare({ total: 2000, filled: 2000, different: 2000 })).toBeGreaterThan(0.95);
  expect(distinctShare({ total: 2000, filled: 1900, different: 1900 })).toBeCloseTo(0.94, 2);
  // 1,000,000 values come back twice in a sample; 10,000 values 200 times.
  expect(distinctShare({ total: 2000, filled: 2000, different: 1998 })).toBeGreaterThan(0.9);
  expect(distinctShare({ total: 2000, filled: 2000, different: 1800 })).toBeCloseTo(0.1, 1);
  expect(distinctShare({ total: 2000, filled: 2000, different: 5 })).toBeLessThan(0.02);
  expect(distinctShare({ total: 2000, filled: 0, different: 0 })).toBe(0);
  expect(distinctShare({ total: 0, filled: 0, different: 0 })).toBe(0);
});

describeWith(['mariadb'], 'MySQL: different values', () => {
  it('are told of the texts of a large table, and of nothing else', async () => {
    await using server = await startMysql();
    const client = await server.client();
    const columns = 'token char(32), kind varchar(9), note text, attrs json, n int';
    for (const [table, rows] of [
      ['big', 120_000],
      ['small', 1000],
    ] as const)
      await client.query(
        `CREATE TABLE ${table} (id int PRIMARY KEY, ${columns}) SELECT seq AS id, LEFT(SHA2(seq, 256), 32) AS token, seq % 7 AS kind,
           IF(seq % 2, NULL, SHA2(seq, 256)) AS note, CONCAT('{"n": ', seq, '}') AS attrs, seq AS n FROM ${series(1, rows)}`,
      );
    await client.query('CREATE VIEW seen AS SELECT * FROM big');
    await client.query('ANALYZE TABLE big, small');
    await client.end();
    await using source = openAt(server);
    const sharesOf = async (table: string) => {
      const { columns } = await source.describe({ table }, forever);
      return columns.flatMap(({ name, distinct }) => (distinct === undefined ? [] : [[name, distinct.toFixed(1)]]));
    };
    expect(await sharesOf('big')).toEqual([
      ['token', '1.0'],
      ['kind', '0.0'],
      ['note', '0.5'],
      ['attrs', '1.0'],
    ]);
    expect(await sharesOf('small')).toEqual([]);
    expect(await sharesOf('seen')).toEqual([]);
  });
});
