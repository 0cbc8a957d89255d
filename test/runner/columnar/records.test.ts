import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Engine } from '../../../runner/columnar/engine.ts';
import { readFiles } from '../../../runner/columnar/files/read.ts';
import type { FilesReading } from '../../../runner/columnar/files/reader.ts';
import { countRecords } from '../../../runner/columnar/files/records.ts';
import type { FilesOffer, OfferedFile } from '../../../runner/core/contracts/offer.ts';
import { filesSchema } from '../../../tenants/schema/files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-records-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('records of a text', () => {
  const csv = { delimiter: ',', quote: '"' } as Parameters<typeof countRecords>[1];
  const counted = async (text: string, spec: typeof csv, crlf = false) => {
    writeFileSync(join(folder, 'text'), text);
    const { filled, blank } = await countRecords(join(folder, 'text'), spec, crlf);
    return [filled, blank];
  };

  test('lines, with and without an end', async () => {
    expect(await counted('{}\n{}', null)).toEqual([2, 0]);
    expect(await counted('\n{}\n \r\n', null)).toEqual([1, 2]);
  });

  test('line ends inside quotes count for nothing', async () => {
    expect(await counted('1,"a\nb"\n2,"c ""\n"" d"\n', csv)).toEqual([2, 0]);
    expect(await counted('1,a"b\n2,c\n', csv)).toEqual([2, 0]);
    expect(await counted('1,"a\\"\n"\n2,c\n', { ...csv, escape: '\\' } as typeof csv)).toEqual([2, 0]);
    expect(await counted('1,a\nb\r\n2,c\r\n', csv, true)).toEqual([2, 0]);
  });
});

describe('what a reader loses', () => {
  const engine = new Engine();
  beforeAll(() =>
    engine.open({
      file: null,
      spill: join(tmpdir(), `tributary-records-${process.pid}`),
      memory: '150MB',
      threads: 1,
      vectorPath: 'safe',
    }),
  );
  afterAll(() => engine.close());

  const idColumn = {
    source: 'id',
    name: 'id',
    sourceType: 'text',
    logical: { kind: 'STRING' },
    unrepresentable: 'quarantine',
  } as const;
  const fileOf = (text: string): OfferedFile => ({
    ...{ uri: 'gs://b/a', version: '1', bytes: text.length, modifiedAt: '', constants: {}, compression: 'none' },
    open: async function* () {
      yield Buffer.from(text);
    },
  });
  /** Reads with a warehouse that takes one row less than each piece has, or all. */
  const read = async (
    format: 'csv' | 'json',
    text: string,
    lost: number,
    { got, ...more }: { readonly got?: number[]; readonly csv?: { readonly escape: string } } = {},
  ) => {
    const spec = filesSchema.parse({ match: '*', format, ...more }) as FilesOffer['spec'];
    const reading: FilesReading = {
      offer: { way: 'files', spec, columns: [idColumn], files: [fileOf(text)] },
      vectors: [{ name: 'id', kind: 'text' }],
      folder,
    };
    const write = async (select: string) => {
      const rows = Number((await engine.query(`SELECT count(*) AS n FROM (${select})`))[0]?.n) - lost;
      got?.push(rows);
      return rows;
    };
    const { summary, rejected } = await readFiles(engine, reading, write, {
      ...{ signal: new AbortController().signal, onProgress: () => undefined },
    });
    return [summary.extracted, rejected.length];
  };
  const texts = [
    ['csv', 'id,v\n1,a\n2,"b\nc"\n\n3,d', 3, 0],
    ['csv', 'id\r\n1\r\n2\r\n3\r\n', 3, 0],
    ['csv', 'id,v\n1,a\n2\n3,"b\nc"\n4,"x"y\n\n5,a,b\n6,d', 6, 3],
    ['csv', 'id,v\r\n1,"a\r\nb"\n2,x,y\r\n3,c\n4,"open\r\n5,d\r\n', 4, 2],
    ['json', '{"id":1}\n\n{"id":2}\n  \n{"id":3}', 3, 0],
    ['json', '[{"id":1},\n {"id":2},{"id":3}]', 3, 0],
  ] as const;

  test.for(texts)('is told of %s %j', async ([format, text, rows, bad]) => {
    expect(await read(format, text, 0)).toEqual([rows, bad]);
    expect(await read(format, text, 1)).toEqual([rows, bad]);
  });

  /** Rows whose malformations are of every kind, in an order that chance makes. */
  const malformed = (seed: number, escaping: string | undefined) => {
    let state = seed;
    const below = (n: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state >>> 8) % n;
    };
    const kinds = ['1,a', '2', '3,a,b', '4,"x"y', '5,"open', '6,"of\ntwo"', '7,"of\r\ntwo"', '8,in"side', '', '9, "b"'];
    kinds.push(escaping === undefined ? '10,"a""b"' : '10,"a\\"b\\\\"');
    const rows = Array.from({ length: 12 }, () => `${kinds[below(kinds.length)]}${below(2) === 0 ? '\n' : '\r\n'}`);
    return `id,v\n${rows.join('')}${below(2) === 0 ? '11,end' : ''}`;
  };

  test.for([undefined, '\\'])(
    'no well-formed and no malformed row is one too many or missing (escape %j)',
    async (escaping) => {
      const seen = { malformed: 0 };
      for (let seed = 1; seed <= 60; seed++) {
        const text = malformed(seed, escaping);
        const got: number[] = [];
        const [extracted = 0, bad = 0] = await read('csv', text, 0, {
          got,
          ...(escaping && { csv: { escape: escaping } }),
        });
        expect((got[0] ?? 0) + bad, text).toBe(extracted);
        seen.malformed += Number(bad > 0);
      }
      expect(seen.malformed).toBeGreaterThan(40);
    },
  );

  test('small files that are alike are one statement, and one that is broken is found by halves', async () => {
    const statements = async (format: 'csv' | 'json', all: readonly string[]) => {
      const got: number[] = [];
      const spec = filesSchema.parse({ match: '*', format }) as FilesOffer['spec'];
      const files = all.map((text, i) => ({
        ...fileOf(text),
        uri: `gs://b/${i}`,
        constants: { _file: `gs://b/${i}` },
      }));
      const reading = {
        offer: { way: 'files', spec, columns: [idColumn], files },
        vectors: [{ name: 'id', kind: 'text' }],
        folder,
      };
      const write = async (select: string) => {
        got.push(Number((await engine.query(`SELECT count(*) AS n FROM (${select})`))[0]?.n));
        return got.at(-1) ?? 0;
      };
      const watch = { signal: new AbortController().signal, onProgress: () => undefined };
      const { summary } = await readFiles(engine, reading as FilesReading, write, watch);
      expect(summary.files?.map(({ rows }) => rows)).toEqual(all.map(() => 2));
      return got;
    };
    const same = Array.from({ length: 40 }, (_, i) => `id,v\n${i},a\n${i},b\n`);
    expect(await statements('csv', same)).toEqual([80]);
    expect(await statements('csv', same.with(7, 'v,id\r\na,7\r\nb,7'))).toEqual([80]);
    expect(await statements('csv', same.with(7, 'id,v\n7\n7,b\n'))).toEqual([10, 4, 1, 4, 20, 40]);
    expect(
      await statements(
        'json',
        Array.from({ length: 40 }, () => '{"id":1}\n{"id":2}'),
      ),
    ).toEqual([80]);
  });
});
