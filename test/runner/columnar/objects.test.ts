/** Large files of objects: one pass where every name is known, and nothing lost where one is not. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Engine } from '../../../runner/columnar/engine.ts';
import { readFiles } from '../../../runner/columnar/files/read.ts';
import type { FilesReading } from '../../../runner/columnar/files/reader.ts';
import type { FilesOffer, OfferedFile } from '../../../runner/core/contracts/offer.ts';
import { LATE_VECTOR } from '../../../runner/core/late.ts';
import { filesSchema } from '../../../tenants/schema/files.ts';

const LINES = 40_000;
const PIECE_BYTES = 256 << 10;

describe('objects of a large file', () => {
  const engine = new Engine();
  let folder: string;
  beforeAll(() => engine.open({ file: null, spill: tmpdir(), memory: '200MB', threads: 2, vectorPath: 'safe' }));
  afterAll(() => engine.close());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tributary-objects-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const column = (name: string, more: object = {}) => {
    return { source: name, name, sourceType: 'text', logical: { kind: 'STRING' }, ...more } as const;
  };
  const plain = [column('id'), column('note'), column('attrs', { logical: { kind: 'JSON' } })];
  const line = (i: number) => ({
    id: i,
    note: i % 3 === 0 ? null : `n${i}`,
    attrs: i % 2 === 0 ? { k: [i, null] } : null,
  });
  const textOf = (change: (i: number) => object | string | undefined = () => undefined) =>
    Array.from({ length: LINES }, (_, i) => {
      const it = change(i) ?? line(i);
      return typeof it === 'string' ? it : JSON.stringify(it);
    });

  /** Reads all into a table `rows`; tells what was read, and how often all names were asked for. */
  const read = async (lines: readonly string[], columns: readonly object[] = plain, except: readonly string[] = []) => {
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    const file: OfferedFile = {
      ...{ uri: 'gs://b/a', version: '1', bytes: bytes.length, modifiedAt: '', constants: {}, compression: 'none' },
      open: async function* (from, _signal, to) {
        for (let at = from; at < (to ?? bytes.length); at += 64 << 10)
          yield bytes.subarray(at, Math.min(at + (64 << 10), to ?? bytes.length));
      },
    };
    const vectors = columns.map((one) => {
      const { name, logical } = one as ReturnType<typeof column>;
      return { name, kind: (logical.kind as string) === 'JSON' ? 'json' : 'text' } as const;
    });
    const spec = filesSchema.parse({ match: '*', format: 'json' }) as FilesOffer['spec'];
    const reading = {
      offer: { way: 'files', spec, columns, files: [file], late: { except } },
      ...{ vectors: [...vectors, LATE_VECTOR], folder, sliceBytes: PIECE_BYTES },
    } as unknown as FilesReading;
    const asked: string[] = [];
    const watched = Object.assign(Object.create(engine), {
      execute: (sql: string) => engine.execute(sql),
      query: (sql: string) => {
        if (sql.includes('json_keys')) asked.push(sql);
        return engine.query(sql);
      },
    }) as Engine;
    await engine.execute('DROP TABLE IF EXISTS temp.main.rows');
    let made = false;
    const write = async (select: string) => {
      const { changed } = await engine.execute(
        made ? `INSERT INTO temp.main.rows ${select}` : `CREATE TEMP TABLE rows AS ${select}`,
      );
      made = true;
      return changed;
    };
    const watch = { signal: new AbortController().signal, onProgress: () => undefined };
    const { summary, rejected } = await readFiles(watched, reading, write, watch);
    const rows = await engine.query('SELECT * FROM temp.main.rows ORDER BY id::BIGINT');
    return { summary, rejected, rows, asked: asked.length };
  };
  const wanted = (i: number) => {
    const { id, note, attrs } = line(i);
    return { id: String(id), note, attrs: attrs === null ? null : JSON.stringify(attrs), _tributary_late: null };
  };

  test('all names known: every value, and names are never asked for', async () => {
    const { summary, rows, asked } = await read(textOf());
    expect(asked).toBe(0);
    expect(summary).toMatchObject({ extracted: LINES, rejected: 0, late: [] });
    expect(rows).toEqual(Array.from({ length: LINES }, (_, i) => wanted(i)));
  });

  test('a field that is left out is known', async () => {
    const { summary, rows, asked } = await read(
      textOf((i) => ({ ...line(i), secret: `s${i}` })),
      plain,
      ['secret'],
    );
    expect(asked).toBe(0);
    expect(summary).toMatchObject({ extracted: LINES, late: [] });
    expect(rows).toEqual(Array.from({ length: LINES }, (_, i) => wanted(i)));
  });

  test('a name that comes late is found in its piece, and in those behind it', async () => {
    const late = new Map([
      [20_001, { ...line(20_001), color: 'red' }],
      [39_999, { ...line(39_999), color: null, size: 7 }],
    ]);
    const { summary, rows, asked } = await read(textOf((i) => late.get(i)));
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThan(summary.bytes / PIECE_BYTES);
    expect(summary.extracted).toBe(LINES);
    expect(summary.late?.map(({ name }) => name)).toEqual(['color', 'size']);
    expect(rows.map((row) => ({ ...row, _tributary_late: null }))).toEqual(
      Array.from({ length: LINES }, (_, i) => wanted(i)),
    );
    const found = rows.flatMap(({ id, _tributary_late: fields }) =>
      fields === null ? [] : [[id, JSON.parse(String(fields))]],
    );
    expect(found.map(([id, fields]) => [id, Object.values(fields).filter((value) => value !== null)])).toEqual([
      ['20001', ['red']],
      ['39999', [7]],
    ]);
  });

  test('a line that is no object is told by its number, the others are read', async () => {
    const broken = new Map([
      [0, '{"id": 0'],
      [25_000, '[1]'],
      [39_999, '{"id": 1, "id": 2}'],
    ]);
    const { summary, rejected, rows } = await read(textOf((i) => broken.get(i)));
    expect(summary).toMatchObject({ extracted: LINES, rejected: 3 });
    expect(rejected.map(({ reason }) => /line (\d+)/.exec(reason)?.[1])).toEqual(['1', '25001', '40000']);
    expect(rows).toEqual(
      Array.from({ length: LINES }, (_, i) => i)
        .filter((i) => !broken.has(i))
        .map(wanted),
    );
  });

  test('names that differ in case only, and numbers with all digits', async () => {
    const both = [column('id'), column('ID'), column('note')];
    const cased = await read(
      textOf((i) => ({ id: i, ID: `${i}!`, note: 'x' })),
      both,
    );
    expect(cased.rows).toHaveLength(LINES);
    expect(Object.values(cased.rows[7] ?? {})).toEqual(['7', '7!', 'x', null]);
    const exact = [column('id'), column('note', { allDigits: true })];
    const { rows, asked } = await read(
      textOf((i) => `{"id": ${i}, "note": 0.${'1234567890'.repeat(3)}}`),
      exact,
    );
    expect(asked).toBe(0);
    expect(new Set(rows.map(({ note }) => note))).toEqual(new Set([`0.${'1234567890'.repeat(3)}`]));
  });
});
