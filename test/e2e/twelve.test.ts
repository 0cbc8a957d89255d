/** Twelve sources, of all kinds, at once: as processes of their own, on the memory of a small machine. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SourceFixture } from '../contracts/source-fixture.ts';
import { startAzureBlobStore } from '../runner/sources/azure-blob-store.ts';
import { startBigquerySource } from '../runner/sources/bigquery-fixture.ts';
import { startFilesSource } from '../runner/sources/files-fixture.ts';
import { startFirestoreSource } from '../runner/sources/firestore-fixture.ts';
import { startGcsStore } from '../runner/sources/gcs-store.ts';
import { startMysqlSource } from '../runner/sources/mysql-fixture.ts';
import { startPostgresSource } from '../runner/sources/postgres-fixture.ts';
import { startS3Store } from '../runner/sources/s3-store.ts';
import { describeWith } from '../setup/describe-with.ts';
import { type AllAtOnce, runAtOnce, type SourceAtOnce } from './at-once.ts';

interface Part {
  readonly start: () => Promise<SourceFixture>;
  readonly sources: number;
  /** What its server has ready within seconds. */
  readonly rows: number;
}

const PARTS: Readonly<Record<string, Part>> = {
  postgres: { start: startPostgresSource, sources: 3, rows: 1_000_000 },
  mysql: { start: startMysqlSource, sources: 3, rows: 1_000_000 },
  bigquery: { start: startBigquerySource, sources: 1, rows: 5_000 },
  firestore: { start: startFirestoreSource, sources: 2, rows: 5_000 },
  gcs: { start: () => startFilesSource(startGcsStore), sources: 1, rows: 200_000 },
  s3: { start: () => startFilesSource(startS3Store), sources: 1, rows: 200_000 },
  'azure-blob': { start: () => startFilesSource(startAzureBlobStore), sources: 1, rows: 200_000 },
};
const NOTE_BYTES = 100;
const MEMORY_MB = 2000;
/** Of the rows of a run, those that it has read at least when the first of its kind has read all; of runs that read for a while. */
const FAIR_SHARE = 0.2;
const MANY_ROWS = 1_000_000;

describeWith(['mariadb', 'firestore', 'emulators'], 'twelve sources', () => {
  const fixtures: SourceFixture[] = [];
  let sources: SourceAtOnce[];
  let all: AllAtOnce;

  beforeAll(async () => {
    sources = [];
    for (const [kind, { start, sources: count, rows }] of Object.entries(PARTS)) {
      const fixture = await start();
      fixtures.push(fixture);
      const object = await fixture.fill(rows, NOTE_BYTES);
      const one = { kind, elsewhere: fixture.elsewhere, object, rows };
      sources.push(...Array.from({ length: count }, () => one));
    }
    all = await runAtOnce(sources);
    for (const { source, peakMb, ms, firstRowMs, shareAtFirst } of all.runs)
      console.log(
        `${source.padEnd(14)} ${peakMb} MB, ${Math.round(ms)} ms, first row ${Math.round(firstRowMs)} ms, share ${shareAtFirst.toFixed(2)}`,
      );
    console.log(`${all.peakMb} MB, ${Math.round(all.ms)} ms`);
  }, 600_000);

  afterAll(async () => {
    for (const fixture of fixtures) await fixture[Symbol.asyncDispose]();
  });

  test('all succeed, each with all of its rows', () => {
    expect(all.runs).toHaveLength(12);
    for (const [i, { source, ended }] of all.runs.entries())
      expect(ended, `${source}: ${ended.stderr.slice(-500)}`).toMatchObject({
        code: 0,
        json: { rows: { loaded: sources[i]?.rows, quarantined: 0 } },
      });
  });

  test(`in ${MEMORY_MB} MB`, () => {
    expect(all.peakMb).toBeLessThanOrEqual(MEMORY_MB);
  });

  test('none is starved: where the first of a kind has read all, the others are well under way', () => {
    const long = all.runs.filter((_, i) => (sources[i]?.rows ?? 0) >= MANY_ROWS);
    expect(long).toHaveLength(6);
    for (const { source, shareAtFirst } of long) expect(shareAtFirst, source).toBeGreaterThan(FAIR_SHARE);
  });
});
