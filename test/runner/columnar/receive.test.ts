/** Whatever bytes a source sends as text: each row is loaded as it is, or told of. */
import { isUtf8 } from 'node:buffer';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../../runner/columnar/engine.ts';
import { textsValid } from '../../../runner/columnar/invalid-text.ts';
import type { VectorPath } from '../../../runner/columnar/receive.ts';
import { ROWS } from '../../../runner/columnar/receive.ts';
import { legible } from '../../../runner/core/legible.ts';
import { type BatchLayout, batchLayout, type RejectedRow, VECTOR_ROWS } from '../../../runner/core/vectors.ts';
import { inletOf, type Value } from '../../contracts/batches.ts';
import { codeOf } from '../../contracts/warehouse-bench.ts';

const COLUMNS = [
  { name: 'id', kind: 'int64' },
  { name: 'a', kind: 'text' },
  { name: 'raw', kind: 'bytes' },
  { name: 'b', kind: 'json' },
] as const;

let folder: string;
let files = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-receive-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function opened(vectorPath: VectorPath): Promise<Engine> {
  const engine = new Engine();
  files += 1;
  await engine.open({ file: join(folder, `${files}.duckdb`), memory: '200MB', threads: 2, vectorPath });
  return engine;
}

interface Loaded {
  readonly rows: (string | null)[][];
  readonly rejected: readonly RejectedRow[];
}

async function load(
  engine: Engine,
  rows: readonly (readonly Value[])[],
  layout: BatchLayout = batchLayout(COLUMNS, VECTOR_ROWS * 2),
  rejected: readonly RejectedRow[] = [],
  maxRejected?: number,
): Promise<Loaded> {
  const sql = `CREATE OR REPLACE TEMP TABLE loaded AS SELECT id, a, hex(raw) AS raw, b FROM ${ROWS}()`;
  const limit = maxRejected === undefined ? {} : { maxRejected };
  const given = await engine.load({ sql, layout, inlet: inletOf(layout, rows, rejected), ...limit });
  const found = await engine.query('SELECT id::VARCHAR AS id, a, raw, b::VARCHAR AS b FROM loaded ORDER BY loaded.id');
  expect(given.rows).toBe(found.length);
  return { rows: found.map((row) => Object.values(row) as (string | null)[]), rejected: given.rejected };
}

/** What of these rows a table has, and what quarantine has. */
function expected(rows: readonly (readonly Value[])[]): { rows: unknown[][]; rejected: Map<string, RejectedRow> } {
  const rejected = new Map<string, RejectedRow>();
  const kept: unknown[][] = [];
  for (const [id, a, raw, b] of rows as readonly (readonly [number, ...(Buffer | null)[]])[]) {
    const bad = [a, b].findIndex((text) => text && !isUtf8(text));
    const hex = raw?.toString('hex') ?? null;
    if (bad < 0) kept.push([String(id), a?.toString() ?? null, hex?.toUpperCase() ?? null, b?.toString() ?? null]);
    else {
      const column = bad === 0 ? 'a' : 'b';
      const row = {
        id: String(id),
        a: a ? legible(a) : null,
        raw: hex === null ? null : `\\x${hex}`,
        b: b ? legible(b) : null,
      };
      const reason = `VALUE_OUT_OF_RANGE: ${column}: not valid UTF-8`;
      rejected.set(String(id), { column, reason, row: JSON.stringify(row) });
    }
  }
  return { rows: kept, rejected };
}

function byId(rejected: readonly RejectedRow[]): Map<string, RejectedRow> {
  return new Map(rejected.map((row) => [(JSON.parse(row.row) as { id: string }).id, row]));
}

/** Characters whole, cut, overlong, surrogate and past the last. */
const FRAGMENTS = ['', 'a', 'ż', '🙂', 'twelve bytes', '\u0000', '"'].map((text) => Buffer.from(text));
const BROKEN = ['c3', 'a9', 'f09f98', '80', 'c0af', 'eda080', 'f4908080', 'ff'].map((hex) => Buffer.from(hex, 'hex'));

const text = fc
  .array(
    fc.oneof(
      { weight: 40, arbitrary: fc.constantFrom(...FRAGMENTS) },
      { weight: 1, arbitrary: fc.constantFrom(...BROKEN) },
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts));
const values = fc.tuple(fc.option(text), fc.option(fc.constantFrom(...BROKEN, ...FRAGMENTS)), fc.option(text));

describe.each(['fast', 'safe'] as const)('by the %s way', (path) => {
  it('rows with a text that is not UTF-8 are told of, all others are what was sent', async () => {
    const engine = await opened(path);
    await fc.assert(
      fc.asyncProperty(
        fc.array(values, { minLength: 1, maxLength: 60 }),
        fc.constantFrom(1, 60, VECTOR_ROWS + 1, VECTOR_ROWS * 3),
        async (some, rows) => {
          const given = Array.from({ length: rows }, (_, i) => [i, ...(some[i % some.length] ?? [])] as Value[]);
          const wanted = expected(given);
          const loaded = await load(engine, given);
          expect(loaded.rows).toEqual(wanted.rows);
          expect(byId(loaded.rejected)).toEqual(wanted.rejected);
          expect(loaded.rejected).toHaveLength(wanted.rejected.size);
        },
      ),
      { numRuns: 60 },
    );
    await engine.close();
  });

  it('a text that DuckDB refuses is never what lay there before', async () => {
    const engine = await opened(path);
    const same = (row: number, a: Buffer) => [row, a, null, null];
    const good = Buffer.from('a text of the same length');
    const bad = Buffer.from('a text of the same l\xe9ngth', 'latin1');
    const rows = Array.from({ length: VECTOR_ROWS * 4 }, (_, i) => same(i, i >= VECTOR_ROWS * 2 && i % 2 ? bad : good));
    const loaded = await load(engine, rows);
    expect([loaded.rows.length, loaded.rejected.length]).toEqual([VECTOR_ROWS * 3, VECTOR_ROWS]);
    expect(loaded.rows.every(([, a]) => a === String(good))).toBe(true);
    await engine.close();
  });

  it('a vector of such rows only is not the end', async () => {
    const engine = await opened(path);
    const rows = Array.from({ length: VECTOR_ROWS * 4 }, (_, i) => [i, i < VECTOR_ROWS * 3 ? BROKEN[7] : null]);
    const loaded = await load(engine, rows as Value[][]);
    expect([loaded.rows.length, loaded.rejected.length]).toEqual([VECTOR_ROWS, VECTOR_ROWS * 3]);
    await engine.close();
  });

  it('too many of them end the load, those of the reader counted with them', async () => {
    const engine = await opened(path);
    const layout = batchLayout(COLUMNS, VECTOR_ROWS * 2);
    const bad = Buffer.from('ff', 'hex');
    const rows = Array.from({ length: 100 }, (_, i) => [i, i < 3 ? bad : null]) as Value[][];
    const reader = [{ column: 'a', reason: 'VALUE_OUT_OF_RANGE: a: x', row: '{"id": "7"}' }];
    expect((await load(engine, rows, layout, reader, 4)).rejected).toHaveLength(4);
    const refused = load(engine, rows, layout, reader, 3);
    await expect(refused).rejects.toThrow('4 of 4 row(s) were rejected; the limit is 3');
    expect(await codeOf(refused)).toBe('QUARANTINE_OVERFLOW');
    expect((await load(engine, rows)).rejected).toHaveLength(3);
    await engine.close();
  });
});

describe('a vector of texts', () => {
  const vectorOf = (texts: readonly Buffer[], gap: Buffer) => {
    const entries = new Uint32Array(texts.length * 4);
    const octets = new Uint8Array(entries.buffer);
    const parts: Buffer[] = [];
    let end = 0;
    for (const [i, bytes] of texts.entries()) {
      entries[i * 4] = bytes.length;
      octets.set(bytes.subarray(0, bytes.length <= 12 ? 12 : 4), i * 16 + 4);
      if (bytes.length <= 12) continue;
      entries[i * 4 + 2] = end;
      parts.push(bytes, gap);
      end += bytes.length + gap.length;
    }
    return textsValid(entries, new Uint8Array(Buffer.concat(parts)));
  };

  it('is valid where each of them is, whatever lies between them is whole', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 30 }), fc.constantFrom(...FRAGMENTS), (texts, gap) => {
        expect(vectorOf(texts, gap)).toBe(texts.every((bytes) => isUtf8(bytes)));
      }),
      { numRuns: 2000 },
    );
  });

  it('is not where a character is cut between two of them, or between one and a row that was taken back', () => {
    const [head, tail] = [Buffer.from('c3', 'hex'), Buffer.from('a9', 'hex')];
    const long = Buffer.from('a text past twelve');
    const texts = [Buffer.concat([long, head]), Buffer.concat([tail, long])];
    expect(isUtf8(Buffer.concat(texts))).toBe(true);
    expect(vectorOf(texts, Buffer.alloc(0))).toBe(false);
    expect(vectorOf([Buffer.concat([long, head]), long], tail)).toBe(false);
  });
});

describe('a text for people', () => {
  it.each([
    ['636166e9', 'caf\\xe9'],
    ['e9', '\\xe9'],
    ['c3a9c3', 'é\\xc3'],
    ['f09f9861f09f9982', '\\xf0\\x9f\\x98a🙂'],
    ['', ''],
  ])('%s is %s', (hex, shown) => {
    expect(legible(Buffer.from(hex, 'hex'))).toBe(shown);
  });
});
