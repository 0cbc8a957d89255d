/** Full loads by the managed export: Google's emulator writes it, a load job of BigQuery's emulator reads it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { RunEvent } from '../../../runner/core/contracts/run-store.ts';
import { wayOf, wholeMinute } from '../../../runner/sources/firestore/export.ts';
import { stagingBucket } from '../../../tenants/naming.ts';
import { type FaultProxy, startProxy } from '../../cloud/emulators/proxy.ts';
import { startCommand } from '../../faults/command.ts';
import { type BigqueryServer, startBigquery } from '../../servers/bigquery.ts';
import { type FirestoreServer, type PutDocument, startFirestore } from '../../servers/firestore.ts';
import { type FirestoreAdmin, startFirestoreAdmin } from '../../servers/firestore-admin.ts';
import { type StorageServer, startStorage } from '../../servers/storage.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { type Console, openConsole } from './bigquery-console.ts';
import { double, integer, list, map, text, time } from './firestore-loading.ts';

const PROJECT = 'acme-data';
const APP = 'acme-app';

/** Every type that an export keeps, their bounds, and documents without them. */
const PLAIN: readonly PutDocument[] = [
  {
    path: 'plain/greatest',
    fields: {
      n: integer('9223372036854775807'),
      f: double(1.7976931348623157e308),
      b: { booleanValue: true },
      at: time('9999-12-31T23:59:59.999999Z'),
      raw: { bytesValue: 'AP8=' },
      name: text('zażółć "quoted" 🙂'),
    },
  },
  {
    path: 'plain/least',
    fields: {
      n: integer('-9223372036854775808'),
      f: double(-0.5),
      b: { booleanValue: false },
      at: time('0001-01-01T00:00:00Z'),
      raw: { bytesValue: '' },
      name: text(''),
    },
  },
  { path: 'plain/none', fields: {} },
  { path: 'plain/null', fields: { n: { nullValue: null }, name: { nullValue: null }, f: double('NaN') } },
  ...Array.from({ length: 2000 }, (_, i) => ({
    path: `plain/many${i}`,
    fields: { n: integer(i), name: text('x'.repeat(i % 90)) },
  })),
  { path: 'shops/berlin/plain/other', fields: { n: integer(-1) } },
];

const hundred = (collection: string) =>
  Array.from({ length: 100 }, (_, i) => ({ path: `${collection}/a${i}`, fields: { n: integer(i) } }));

/** Collections of which an export is not what a read gives, and what is said of each. */
const UNFIT: readonly (readonly [collection: string, documents: readonly PutDocument[], said: RegExp])[] = [
  ['nested', [{ path: 'nested/a', fields: { m: map({ x: integer(1) }) } }], /m is MAP/],
  ['listed', [{ path: 'listed/a', fields: { l: list(integer(1)) } }], /l is ARRAY/],
  [
    'mixed',
    [...hundred('mixed'), { path: 'mixed/b', fields: { n: double(0.5) } }],
    /n is RECORD in it, and INT64 here/,
  ],
  [
    'late',
    [...hundred('late'), { path: 'late/b', fields: { more: integer(1) } }],
    /more is a field that no column is for/,
  ],
  ['long', [{ path: 'long/a', fields: { s: text('x'.repeat(70_000)) } }], /1 documents have texts/],
  ['odd', [{ path: 'odd/say "hi"', fields: { n: integer(1) } }], /1 documents have ids/],
  ['numeric', [{ path: 'numeric/__id7__', fields: { n: integer(1) } }], /1 documents have ids/],
];

test('from a million documents on a plan speaks of the export, unless a window is read', () => {
  expect(wayOf(999_999, null, false)).toBeNull();
  expect(wayOf(1_000_000, null, false)).toMatch(/from 1000000 on, execution: \{firestoreExport: true\}/);
  expect(wayOf(1_000_000, { column: 'at', from: null, to: '2026-01-01' }, false)).toBeNull();
});

test('an export is of the last whole minute', () => {
  expect(wholeMinute({ seconds: 1_800_000_059, nanos: 999_999_999 })).toBe('2027-01-15T08:00:00Z');
  expect(wholeMinute({ seconds: 1_800_000_060, nanos: 0 })).toBe('2027-01-15T08:01:00Z');
});

describeWith(['firestore', 'emulators'], 'the managed export of Firestore', () => {
  let firestore: FirestoreServer;
  let storage: StorageServer;
  let bigquery: BigqueryServer;
  let proxy: FaultProxy;
  let admin: FirestoreAdmin;
  let console_: Console;
  let folder: string;
  let events: RunEvent[];

  beforeAll(async () => {
    [firestore, storage] = await Promise.all([startFirestore(), startStorage()]);
    bigquery = await startBigquery({ storage: storage.host });
    proxy = await startProxy(bigquery.host);
    admin = await startFirestoreAdmin({ firestore: firestore.host, storage: storage.host });
    console_ = openConsole(bigquery.host, PROJECT);
    const body = JSON.stringify({ name: stagingBucket(PROJECT, 'acme') });
    await fetch(`${storage.host}/storage/v1/b?project=${PROJECT}`, { method: 'POST', body });
    folder = await mkdtemp(join(tmpdir(), 'tributary-export-'));
    await mkdir(join(folder, 'tenants'));
    for (const documents of [PLAIN, ...UNFIT.map(([, of]) => of)]) await firestore.put(APP, documents);
    // An export is as of the last whole minute: the documents have to be there then.
    await sleep(60_500 - (Date.now() % 60_000));
  }, 150_000);
  beforeEach(() => {
    events = [];
    admin.how = 'at once';
    admin.refuse = null;
  });
  afterAll(async () => {
    await admin?.[Symbol.asyncDispose]();
    await proxy?.stop();
    await bigquery?.stop();
    await storage?.stop();
    await firestore?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  async function tenant(sources: Readonly<Record<string, object>>): Promise<void> {
    const all = Object.entries(sources).map(([name, source]) => [
      name,
      { connection: 'app', load: { strategy: 'catalog' }, execution: { firestoreExport: true }, ...source },
    ]);
    const document = {
      ...{ tenant: 'acme', project: PROJECT, location: 'US', region: 'us-central1' },
      connections: { app: { kind: 'firestore', project: APP } },
      sources: Object.fromEntries(all),
    };
    await writeFile(join(folder, 'tenants', 'acme.yaml'), JSON.stringify(document));
  }

  function start(...words: string[]) {
    return startCommand({
      folder,
      words: [...words, '--tenants', 'tenants', '--warehouse', `bigquery:${PROJECT}`, '--json'],
      environment: {
        BIGQUERY_EMULATOR_HOST: proxy.host,
        STORAGE_EMULATOR_HOST: storage.host,
        FIRESTORE_EMULATOR_HOST: firestore.host,
        FIRESTORE_ADMIN_EMULATOR_HOST: admin.host,
        TRIBUTARY_RETRY_SECONDS: '5',
      },
      seconds: 100,
      onEvent: (event) => events.push(event),
    });
  }
  const run = (source: string) => start('run', 'acme', source).ended;
  /** Formats of the load jobs since then. */
  const loads = (from: number) =>
    proxy.calls.slice(from).flatMap(({ body }) => /"sourceFormat":"(\w+)"/.exec(JSON.stringify(body) ?? '')?.[1] ?? []);
  const warnings = () => events.filter(({ type }) => type === 'warning').map(({ data }) => JSON.stringify(data));
  const rows = async (table: string) => {
    const found = await console_.rows(`SELECT * FROM \`${PROJECT}.acme_raw.${table}\` ORDER BY _document_path`);
    return found.map(({ _run_id, _extracted_at, ...row }) => row);
  };
  const objects = async () => {
    const listed = await fetch(`${storage.host}/storage/v1/b/${stagingBucket(PROJECT, 'acme')}/o`);
    return ((await listed.json()) as { items?: { name: string }[] }).items?.map(({ name }) => name) ?? [];
  };

  test('gives the rows that a read gives, of a collection and of a group', { timeout: 180_000 }, async () => {
    await tenant({
      exported: { collection: 'plain' },
      streamed: { collection: 'plain', execution: {} },
      exported_group: { collectionGroup: 'plain' },
      streamed_group: { collectionGroup: 'plain', execution: {} },
    });
    for (const [group, count] of [
      ['', 2004],
      ['_group', 2005],
    ] as const) {
      const before = proxy.calls.length;
      const exported = await run(`exported${group}`);
      expect(exported.code, exported.stderr).toBe(0);
      expect(exported.json.rows).toMatchObject({ extracted: count, loaded: count, inserted: count });
      expect([warnings(), loads(before)]).toEqual([[], ['DATASTORE_BACKUP']]);
      const streamed = await run(`streamed${group}`);
      expect(streamed.code, streamed.stderr).toBe(0);
      expect(await rows(`exported${group}`)).toEqual(await rows(`streamed${group}`));
    }
    expect(await objects()).toEqual([]);
  });

  test('is not used where its rows would be others, and says why', { timeout: 300_000 }, async () => {
    await tenant(Object.fromEntries(UNFIT.map(([collection]) => [collection, { collection }])));
    for (const [collection, documents, said] of UNFIT) {
      events = [];
      const before = proxy.calls.length;
      const { code, stderr, json } = await run(collection);
      expect(code, stderr).toBe(collection === 'mixed' ? 3 : 0);
      expect(warnings(), collection).toEqual([expect.stringMatching(said)]);
      expect(loads(before).at(-1), collection).toMatch(/PARQUET|NEWLINE_DELIMITED_JSON/);
      const { rows: counted } = json;
      expect((counted?.loaded ?? 0) + (counted?.quarantined ?? 0), collection).toBe(documents.length);
    }
    expect(await objects()).toEqual([]);
  });

  test('a run that is refused, and one whose export fails, tell what to do', { timeout: 120_000 }, async () => {
    await tenant({ items: { collection: 'plain' } });
    admin.refuse = { status: 403, message: 'The caller does not have permission' };
    const refused = await run('items');
    expect([refused.code, refused.json.problem?.code]).toEqual([2, 'SOURCE_PERMISSION']);
    expect(refused.json.problem?.detail).toBe('User the runner may not read plain by a managed export.');
    expect(refused.json.problem?.fix).toBe(
      `gcloud projects add-iam-policy-binding ${APP} --member=serviceAccount:<runner> --role=roles/datastore.importExportAdmin`,
    );
    admin.refuse = null;
    admin.how = { code: 7, message: 'Service account does not have access to Google Cloud Storage path' };
    const failed = await run('items');
    expect([failed.code, failed.json.problem?.code]).toEqual([2, 'SOURCE_FAILED']);
    expect(failed.json.problem?.detail).toMatch(/does not have access .* Firestore itself has to be allowed to write/);
    expect(await objects()).toEqual([]);
  });

  test('a run that is killed in its export: the next cancels that and loads once', { timeout: 180_000 }, async () => {
    await tenant({ killed: { collection: 'plain' } });
    admin.how = 'never';
    const first = start('run', 'acme', 'killed');
    await first.event(({ type, step }) => type === 'progress' && step === 'extract');
    first.child.kill('SIGKILL');
    await first.ended;
    const abandoned = admin.operations.at(-1);
    expect(abandoned?.done).toBe(false);
    admin.how = 'at once';
    const again = await run('killed');
    expect(again.code, again.stderr).toBe(0);
    expect(abandoned?.metadata.operationState).toBe('CANCELLED');
    expect(await rows('killed')).toHaveLength(2004);
    expect(await objects()).toEqual([]);
  });

  test('a run that is killed in its load job: the next loads once', { timeout: 180_000 }, async () => {
    await tenant({ cut: { collection: 'plain' } });
    const first = start('run', 'acme', 'cut');
    proxy.fault({
      ...{ method: 'POST', body: /DATASTORE_BACKUP/ },
      fault: { how: 'lose answer' },
      onAnswer: () => void first.child.kill('SIGKILL'),
    });
    await first.ended;
    expect(proxy.pending()).toEqual([]);
    expect(await objects()).not.toEqual([]);
    const again = await run('cut');
    expect(again.code, again.stderr).toBe(0);
    expect(await rows('cut')).toHaveLength(2004);
    expect(await objects()).toEqual([]);
  });

  test('an export whose answer is lost is found, not begun again', { timeout: 120_000 }, async () => {
    await tenant({ lost: { collection: 'plain' } });
    const before = admin.operations.length;
    admin.loseAnswer = true;
    const { code, stderr } = await run('lost');
    expect(code, stderr).toBe(0);
    expect([admin.loseAnswer, admin.operations.length - before]).toEqual([false, 1]);
    expect(await rows('lost')).toHaveLength(2004);
  });

  test('a plan says which way, and why', { timeout: 60_000 }, async () => {
    await tenant({ asked: { collection: 'plain' }, streamed: { collection: 'plain', execution: {} } });
    const way = async (source: string) => {
      const { json } = await start('plan', 'acme', source).ended;
      return (json as { estimate?: { way?: string; price?: { what: string } } }).estimate;
    };
    expect(await way('asked')).toMatchObject({
      way: expect.stringMatching(/^managed export .*execution\.firestoreExport/),
      price: { what: '2007 reads of Firestore' },
    });
    expect((await way('streamed'))?.way).toBeUndefined();
  });

  test('an interrupted run cancels its export', { timeout: 120_000 }, async () => {
    await tenant({ stopped: { collection: 'plain' } });
    admin.how = 'never';
    const started = start('run', 'acme', 'stopped');
    await started.event(({ type, step }) => type === 'progress' && step === 'extract');
    started.child.kill('SIGINT');
    expect((await started.ended).code).toBe(130);
    expect(admin.operations.at(-1)?.metadata.operationState).toBe('CANCELLED');
  });
});
