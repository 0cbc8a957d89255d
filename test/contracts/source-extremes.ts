/** Rows that are wide, long, few, or full of signs. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Scene, WantedObject } from './source-fixture.ts';

const WIDE = 200;
const LONG_BYTES = 5_000_000;
const LONG_ROWS = 2000;
const LONG_ROW_BYTES = 50_000;

const TEXTS = [
  'caf\u00e9 in one letter',
  'cafe\u0301 in two letters',
  '\u05e9\u05dc\u05d5\u05dd \u200fworld\u200f \u0645\u0631\u062d\u0628\u0627',
  '\u{1d518}\u{1d52b}\u{1d526} \u{1f3f3}\ufe0f\u200d\u{1f308} \u{1f469}\u{1f3fd}\u200d\u{1f680}',
  '\ufeffwith a mark at its start',
  'a\tb\r\nc\nd',
  '"quoted", \'quoted\', `quoted`; \\N \\\\ \\" $1 %s',
  'NULL',
  ' with blanks at both ends ',
  '\u0001\u001f\u007f\u0085\u2028\u2029',
  '\ufb03 \u212b \u00c5 A\u030a \u1e9b\u0323',
  'exactly12byt',
  'thirteen byte',
];

const column = (name: string, kind: 'INT64' | 'STRING') => ({ name, kind });
const md5 = (text: string) => createHash('md5').update(text).digest('hex');

export function describeExtremes(scene: Scene): void {
  test('reads text of every script and sign as it is, byte for byte', async () => {
    const wanted: WantedObject = {
      name: 'texts',
      columns: [column('id', 'INT64'), column('text', 'STRING')],
      rows: TEXTS.map((text, i) => [String(i + 10), text]),
    };
    const object = await scene.fixture.make(wanted);
    const { rows } = await scene.read(object, { names: ['id', 'text'], look: 'id::VARCHAR, hex(encode(text))' });
    expect(rows.map(([id, bytes]) => [id, Buffer.from(bytes ?? '', 'hex').toString()])).toEqual(wanted.rows);
  });

  test('reads an object of one row', async () => {
    const object = await scene.fixture.fill(1, 20);
    const { rows, summary } = await scene.read(object, { names: ['id', 'note'] });
    expect(rows).toEqual([['1', expect.stringMatching(/^.{20}$/)]]);
    expect(summary.extracted).toBe(1);
  });

  test(`reads rows of ${WIDE} columns`, async () => {
    const names = Array.from({ length: WIDE }, (_, i) => `c${i}`);
    const value = (row: number, i: number) => ((row + i) % 7 === 0 ? null : String(row * 1_000_000 + i));
    const wanted: WantedObject = {
      name: 'wide',
      columns: [column('id', 'INT64'), ...names.map((name, i) => column(name, i % 2 === 0 ? 'INT64' : 'STRING'))],
      rows: Array.from({ length: 9 }, (_, row) => [String(row + 1), ...names.map((__, i) => value(row + 1, i))]),
    };
    const { rows } = await scene.read(await scene.fixture.make(wanted), { names: ['id', ...names] });
    expect(rows).toEqual(wanted.rows);
  });

  scene.needs('longText')('reads a text of 5 MB between short ones', async () => {
    const long = 'aβ🙂\n'.repeat(Math.ceil(LONG_BYTES / 8));
    const object = await scene.fixture.make({
      name: 'long_text',
      columns: [column('id', 'INT64'), column('note', 'STRING')],
      rows: [
        ['1', 'short'],
        ['2', long],
        ['3', ''],
      ],
    });
    const look = 'id::VARCHAR, md5(note)';
    const { rows, summary } = await scene.read(object, { names: ['id', 'note'], look });
    expect(summary).toMatchObject({ extracted: 3, rejected: 0 });
    expect(rows).toEqual([
      ['1', md5('short')],
      ['2', md5(long)],
      ['3', md5('')],
    ]);
  });

  test(`reads ${LONG_ROWS} rows of ${LONG_ROW_BYTES / 1000} KB`, async () => {
    const object = await scene.fixture.fill(LONG_ROWS, LONG_ROW_BYTES);
    const { rows, summary } = await scene.read(object, {
      names: ['id', 'note'],
      look: `count(*)::VARCHAR, count(DISTINCT id)::VARCHAR, min(strlen(note))::VARCHAR, max(strlen(note))::VARCHAR,
        (count(DISTINCT md5(note)) > 1)::VARCHAR`,
    });
    const bytes = String(LONG_ROW_BYTES);
    expect(rows).toEqual([[String(LONG_ROWS), String(LONG_ROWS), bytes, bytes, 'true']]);
    expect(summary.extracted).toBe(LONG_ROWS);
  });
}
