/** Files in the suite of all sources that can be divided. */
import { openFiles } from '../../../runner/files/index.ts';
import { filesSchema } from '../../../tenants/schema/files.ts';
import { type SplitsFixture, splitsSuite } from '../../contracts/source-splits.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { startS3Store } from '../sources/s3-store.ts';

const filesOf = (prefix: string, format: 'csv' | 'json') => ({
  files: filesSchema.parse({ prefix: `${prefix}/`, match: '*', format }),
});
const csv = (file: number, rows: number) =>
  `id,note\n${Array.from({ length: rows }, (_, i) => `${file * 1000 + i},${'n'.repeat(i % 50)}\n`).join('')}`;
const json = (file: number, rows: number) =>
  Array.from({ length: rows }, (_, i) => `{"id":${file * 1000 + i},"list":[${i}]}\n`).join('');

async function start(): Promise<SplitsFixture> {
  const store = await startS3Store();
  const put = (name: string, text: string) => store.put(name, Buffer.from(text));
  for (let i = 0; i < 12; i++) await put(`csv/${i}.csv`, csv(i, 10 + i * 20));
  for (let i = 0; i < 6; i++) await put(`json/${i}.jsonl`, json(i, 50));
  await put('empty/a.csv', 'id,note\n');
  await put('empty/b.csv', 'id,note\n');
  await put('one/a.csv', csv(1, 5));
  let written = 0;
  const write = () => put(`csv/new-${++written}.csv`, csv(100 + written, 3));
  const unity = 'versions';
  return {
    open: async () => openFiles(store.open(store.host), { splitBytes: 50_000 }),
    cases: [
      { name: 'CSV', object: filesOf('csv', 'csv'), unity, most: 4, least: 4, rows: 1440, write },
      { name: 'JSON', object: filesOf('json', 'json'), unity, most: 6, least: 3, rows: 300 },
      { name: 'objects without rows', object: filesOf('empty', 'csv'), unity, most: 4, least: 1, rows: 0 },
    ],
    refused: [{ name: 'one object', object: filesOf('one', 'csv'), why: /one object, which stays whole/ }],
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

describeWith(['emulators'], 'files in pieces', () => {
  splitsSuite('Amazon S3', start, {
    cases: ['CSV', 'JSON', 'objects without rows'],
    connectionless: 'a piece is a list of objects; a connection that breaks is taken up again',
  });
});
