import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Engine } from '../../../runner/columnar/engine.ts';
import { type FilesReading, readFiles } from '../../../runner/columnar/files/read.ts';
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

  const fileOf = (text: string): OfferedFile => ({
    ...{ uri: 'gs://b/a', version: '1', bytes: text.length, modifiedAt: '', constants: {}, compression: 'none' },
    open: async function* () {
      yield Buffer.from(text);
    },
  });
  /** Reads with a warehouse that takes one row less than each piece has, or all. */
  const read = async (format: 'csv' | 'json', text: string, lost: number) => {
    const spec = filesSchema.parse({ match: '*', format }) as FilesOffer['spec'];
    const id = {
      source: 'id',
      name: 'id',
      sourceType: 'text',
      logical: { kind: 'STRING' },
      unrepresentable: 'quarantine',
    } as const;
    const reading: FilesReading = {
      offer: { way: 'files', spec, columns: [id], files: [fileOf(text)] },
      vectors: [{ name: 'id', kind: 'text' }],
      folder,
    };
    const write = async (select: string) =>
      Number((await engine.query(`SELECT count(*) AS n FROM (${select})`))[0]?.n) - lost;
    const { summary, rejected } = await readFiles(engine, reading, write, {
      ...{ signal: new AbortController().signal, onProgress: () => undefined },
    });
    return [summary.extracted, rejected.length];
  };
  const texts = [
    ['csv', 'id,v\n1,a\n2,"b\nc"\n\n3,d', 3],
    ['csv', 'id\r\n1\r\n2\r\n3\r\n', 3],
    ['json', '{"id":1}\n\n{"id":2}\n  \n{"id":3}', 3],
    ['json', '[{"id":1},\n {"id":2},{"id":3}]', 3],
  ] as const;

  test.for(texts)('is told of %s %j', async ([format, text, rows]) => {
    expect(await read(format, text, 0)).toEqual([rows, 0]);
    expect(await read(format, text, 1)).toEqual([rows, 0]);
  });
});
