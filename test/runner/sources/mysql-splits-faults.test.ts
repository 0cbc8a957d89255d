/** Pieces whose sessions land elsewhere, whose statements take too long; bounds of what is too much to be counted. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import type { ReadSpec, Snapshot } from '../../../runner/core/contracts/source.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { batchLayout } from '../../../runner/core/vectors.ts';
import { halvedBounds, joined } from '../../../runner/sources/mysql/divide.ts';
import { literalOf, written } from '../../../runner/sources/mysql/pieces.ts';
import { columnsOf, forever, readAll } from '../../contracts/source-reading.ts';
import { type MysqlServer, series, startMysql } from '../../servers/mysql.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { openAt } from './mysql-opened.ts';

const object = { table: 'events' };

const fails = (work: Promise<unknown> | undefined) =>
  (work ?? Promise.resolve()).then(
    () => null,
    (error) => problemOf(error),
  );

describeWith(['mariadb'], 'with a server', () => {
  describe('MySQL: pieces in trouble', { timeout: 60_000 }, () => {
    let server: MysqlServer;
    let client: Connection;

    beforeAll(async () => {
      server = await startMysql();
      client = await server.client();
      await client.query(`CREATE TABLE events (id bigint PRIMARY KEY, at datetime(6), KEY (at));
        INSERT INTO events SELECT IF(seq <= 3000, seq, 4000000000000000000 + seq), TIMESTAMP'2026-01-01 00:00:00' + INTERVAL seq SECOND
          FROM ${series(1, 4000)}; ANALYZE TABLE events`);
    }, 60_000);
    afterAll(async () => {
      await client?.end();
      await server?.stop();
    });

    async function specFor(source: ReturnType<typeof openAt>, snapshot: Snapshot, to: string): Promise<ReadSpec> {
      const columns = await columnsOf(source, object);
      const layout = batchLayout(snapshot.vectors(columns));
      return { object, columns, window: { column: 'at', from: null, to }, nullCursors: false, layout, maxRejected: 0 };
    }

    it('is lost where another server answers', async () => {
      await using source = openAt(server, { pieceRows: 100 });
      const { snapshot, bound } = await source.open({ object, cursor: 'at' }, forever);
      await using _ = snapshot;
      const spec = await specFor(source, snapshot, bound?.to ?? '');
      const [split] = (await snapshot.divide?.(spec, 2, forever)) ?? [];
      const task = { ...(split?.task as object), server: 'db-2 3306 7' };
      expect(await fails(source.openSplit?.(object, task, forever))).toMatchObject({
        code: 'SPLIT_LOST',
        retryable: true,
        detail: expect.stringContaining('another server'),
      });
    });

    it('has no pieces above the bound', async () => {
      await using source = openAt(server, { pieceRows: 100 });
      const { snapshot } = await source.open({ object, cursor: 'at' }, forever);
      await using _ = snapshot;
      const beyond = { column: 'at', from: null, to: '2999-01-01 00:00:00' };
      expect(await snapshot.divisible?.(object, beyond)).toMatch(/reaches past what writers have left/);
    });

    it('says which rule of the bound held', async () => {
      await using source = openAt(server, { pieceRows: 100 });
      const { snapshot, bound } = await source.open({ object, cursor: 'at' }, forever);
      await using _ = snapshot;
      const window = { column: 'at', from: null, to: bound?.to ?? '' };
      expect(bound?.reason).toContain('every transaction open then has ended');
      expect(await snapshot.divisible?.(object, window)).toMatchObject({
        by: 'bound',
        reason: expect.stringContaining(bound?.reason ?? '?'),
      });
    });

    it('halves what is too much to be counted, as the optimizer estimates it', async () => {
      const query = async <Row>(sql: string) => (await client.query(sql))[0] as Row[];
      const unity = { by: 'bound', reason: '' } as const;
      const way = { unity, by: 'key', column: 'id', literal: 'number', total: 4000 } as const;
      const spec = { object, window: null, nullCursors: false };
      const bounds = await halvedBounds({ query, spec, way, rows: 4000, server: '' }, 4);
      expect(bounds.length).toBeGreaterThanOrEqual(2);
      expect(bounds.length).toBeLessThanOrEqual(3);
      expect(bounds.map(BigInt)).toEqual(bounds.map(BigInt).sort((a, b) => (a < b ? -1 : 1)));
      const ends = ['-1', ...bounds, '9223372036854775807'];
      const held: number[] = [];
      for (const [i, to] of ends.entries()) {
        if (i === 0) continue;
        const [found] = await query<{ n: number }>(
          `SELECT COUNT(*) AS n FROM events WHERE id >= ${ends[i - 1]} AND id < ${to}`,
        );
        held.push(found?.n ?? 0);
      }
      expect(held.reduce((sum, n) => sum + n, 0)).toBe(4000);
      expect(Math.max(...held)).toBeLessThan(2600);
    });

    it('ends a statement that takes longer than the server is to be asked for', async () => {
      await using source = openAt(server, { connection: { protect: { statementTimeout: '1s' } } });
      const slow = { query: 'SELECT id, SLEEP(1) AS nap FROM events' };
      const { snapshot } = await source.open({ object: slow }, forever);
      await using _ = snapshot;
      const columns = [
        {
          source: 'id',
          name: 'id',
          sourceType: 'bigint(20)',
          logical: { kind: 'INT64' },
          unrepresentable: 'quarantine',
        },
        { source: 'nap', name: 'nap', sourceType: 'int(1)', logical: { kind: 'INT64' }, unrepresentable: 'quarantine' },
      ] as const;
      expect(await fails(readAll(snapshot, slow, { columns }))).toMatchObject({ code: 'SOURCE_BUSY' });
    });
  });
});

test('stretches with few rows are joined', () => {
  const part = (from: number, rows: number) => ({ from: BigInt(from), to: BigInt(from + 10), rows });
  expect(joined([part(0, 100), part(10, 0), part(20, 40), part(30, 60)], 100)).toEqual(['20']);
  expect(joined([part(0, 0), part(10, 100), part(20, 100)], 100)).toEqual(['20']);
  expect(joined([part(0, 5)], 100)).toEqual([]);
});

test('a column parts a table where it is sorted as it is compared', () => {
  expect(['bigint', 'decimal', 'varchar', 'datetime', 'uuid', 'binary'].map(literalOf)).toEqual([
    ...['number', 'number', 'text', 'text', 'text', 'bytes'],
  ]);
  expect(['enum', 'set', 'float', 'double', 'json', 'bit', 'point', 'time'].map(literalOf)).toEqual(
    Array(8).fill(null),
  );
  expect(written('12', 'number')).toBe('12');
  expect(written('12', 'text')).toBe("'12'");
  expect(written('1e5; DROP', 'number')).toBe("'1e5; DROP'");
  expect(written("o'\\", 'text')).toBe("'o''\\\\'");
  expect(written("ff'", 'bytes')).toBe("x'ff'");
});
