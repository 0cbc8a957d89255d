/** The images, built as users build them; the runner's and the webhook's run as Cloud Run runs them. */
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { problemOf } from '../../runner/core/errors.ts';
import { type BuiltImage, buildImage } from '../../runner/image/build.ts';
import { type Buildah, openBuildah } from '../../runner/image/buildah.ts';
import { jobName } from '../../tenants/naming.ts';
import { freePort, newFolder } from '../servers/child.ts';
import { startCloudRun } from '../servers/cloud-run.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { type Registry, startRegistry } from '../servers/registry.ts';
import { describeWith } from '../setup/describe-with.ts';
import { entering, startContainer } from './container.ts';
import { openScene, PROJECT, type Scene, TENANT } from './scene.ts';

const NODE = '/nodejs/bin/node';
const MAIN = '/app/main.js';
const ROWS = 5000;
/** As many as several tasks are worth. */
const LINES = 200_000;

interface Bill {
  readonly components: readonly { readonly name: string; readonly version: string; readonly purl: string }[];
}

describeWith(['images', 'emulators', 'postgres'], 'images', () => {
  let output: string;
  let storage: string;
  let buildah: Buildah;
  let registry: Registry;
  let server: PostgresServer;
  let client: pg.Client;
  let scene: Scene;
  let built: BuiltImage;
  /** Its files. */
  let folder: string;

  beforeAll(async () => {
    output = await newFolder('images');
    storage = join(output, 'storage');
    buildah = openBuildah(storage);
    registry = await startRegistry();
    const push = `${registry.host}/tributary/runner:1`;
    const building = buildImage('runner', { base: 'scratch', output, storage, push, plain: true });
    server = await startPostgres();
    client = await server.client();
    await client.query(`CREATE TABLE orders (id int PRIMARY KEY, note text, price numeric(10,2), at timestamptz);
      INSERT INTO orders SELECT g, CASE WHEN g % 7 > 0 THEN 'żółw ' || g END, g / 100.0, now() - g * interval '1 hour'
      FROM generate_series(1, ${ROWS}) g;
      CREATE TABLE lines AS SELECT g AS id, md5(g::text) AS note FROM generate_series(1, ${LINES}) g; ANALYZE lines`);
    const { host, port, database, user, password } = server;
    scene = await openScene(
      { shop: { kind: 'postgres', host, port, database, user, tls: 'disable', secret: 'password' } },
      {
        orders: {
          ...{ connection: 'shop', table: 'public.orders' },
          load: { strategy: 'transactional', cursor: 'at', mode: 'merge', key: ['id'] },
        },
        lines: {
          ...{ connection: 'shop', table: 'public.lines', execution: { tasks: 3 } },
          load: { strategy: 'catalog', history: 'replace' },
        },
      },
      { password },
    );
    built = await building;
    folder = (await buildah.command('mount', (await buildah.command('from', built.tag)).trim())).trim();
  }, 240_000);
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
    await client?.end();
    await server?.stop();
    await registry?.[Symbol.asyncDispose]();
    rmSync(output, { recursive: true, force: true });
  });

  /** What a program prints as JSON inside. */
  async function inside(program: string): Promise<unknown> {
    const { code, text } = await startContainer(folder, [NODE, '--input-type=module', '--eval', program]).ended;
    expect(code, text).toBe(0);
    return JSON.parse(text);
  }

  test('the runner loads rows of PostgreSQL into BigQuery, and says them once', async () => {
    const run = await scene.order('orders');
    const start = () => startContainer(folder, [NODE, MAIN], scene.environment(run)).ended;
    const { code, text } = await start();
    expect(code, text).toBe(0);
    expect(await scene.record(run)).toMatchObject({ status: 'succeeded', summary: { rows: { inserted: ROWS } } });
    const asked = 'count(*) AS n, count(DISTINCT id) AS ids, count(note) AS notes, min(note) AS least';
    const { rows } = await client.query(`SELECT ${asked.replace('min(note)', 'min(note COLLATE "C")')} FROM orders`);
    const there = Object.entries(rows[0]).map(([name, value]) => [name, name === 'least' ? value : Number(value)]);
    expect(await scene.ask(`SELECT ${asked} FROM acme_raw.orders`)).toEqual([Object.fromEntries(there)]);
    expect((await start()).code).toBe(0);
    expect(await scene.ask('SELECT count(*) AS n FROM acme_raw.orders')).toEqual([{ n: ROWS }]);
    expect(text).not.toContain(server.password);
  });

  test('three tasks of it share one read, and the run that started them commits', async () => {
    await using cloud = await startCloudRun();
    const run = await scene.order('lines');
    const region = 'europe-west1';
    const environment = {
      ...scene.environment(run),
      ...{ TRIBUTARY_JOB: jobName(TENANT), TRIBUTARY_PROJECT: PROJECT, TRIBUTARY_REGION: region },
      CLOUD_RUN_EMULATOR_HOST: cloud.host,
    };
    cloud.put(`projects/${PROJECT}/locations/${region}/jobs/${jobName(TENANT)}`, {
      command: entering(folder, [NODE, MAIN]),
      environment: { PATH: process.env.PATH ?? '', HOME: '/tmp', ...environment },
    });
    const { code, text } = await startContainer(folder, [NODE, MAIN], environment).ended;
    const [execution, ...more] = cloud.executions();
    expect(code, `${text}\n${execution?.log()}`).toBe(0);
    expect([execution, ...more]).toMatchObject([{ state: 'succeeded', tasks: 3 }]);
    expect(execution?.log()).not.toContain(server.password);
    const asked = 'SELECT count(*) AS n, count(DISTINCT id) AS ids, sum(id) AS sum, count(DISTINCT note) AS notes';
    const all = { n: LINES, ids: LINES, sum: (LINES * (LINES + 1)) / 2, notes: LINES };
    expect(await scene.ask(`${asked} FROM acme_raw.lines`)).toEqual([all]);
    expect(await scene.ask(`SELECT mode_reason FROM acme_tributary._runs WHERE run_id = '${run}'`)).toEqual([
      { mode_reason: expect.stringMatching(/^cloud_run, 3 tasks: .*one read by snapshot/) },
    ]);
  });

  test('told to end while its source keeps it waiting, it ends in its own words', async () => {
    await client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    const run = await scene.order('orders');
    const { child, ended } = startContainer(folder, [NODE, MAIN], scene.environment(run));
    const waiting = `SELECT 1 FROM pg_locks WHERE relation = 'orders'::regclass AND NOT granted`;
    await vi.waitFor(async () => expect((await client.query(waiting)).rowCount).toBeGreaterThan(0), 30_000);
    child.kill('SIGTERM');
    const { code, signal, text } = await ended;
    await client.query('ROLLBACK');
    expect({ code, signal }, text).not.toEqual({ code: 0, signal: null });
    expect(signal).toBeNull();
    expect(text).toContain('run-end');
  });

  test('it is nobody, can write nothing but /tmp, and has no shell', async () => {
    const found = await inside(`
      import { existsSync, readFileSync, writeFileSync } from 'node:fs';
      const write = (path) => { try { writeFileSync(path, ''); return 'written'; } catch (error) { return error.code; } };
      const paths = ['/tmp/x', '/app/x', '/app/main.js', '/etc/passwd', '/x'];
      console.log(JSON.stringify({ uid: process.getuid(), groups: process.getgroups(), written: paths.map(write) }));`);
    expect(found).toEqual({ uid: 65532, groups: [65532], written: ['written', 'EROFS', 'EROFS', 'EROFS', 'EROFS'] });
    expect((await startContainer(folder, ['/bin/sh', '-c', 'true']).ended).code).toBe(127);
    const config = JSON.parse(await buildah.command('inspect', '--type', 'image', built.tag)).OCIv1.config;
    expect(config).toMatchObject({ User: '65532:65532', Entrypoint: [NODE, MAIN] });
  });

  test('it holds no shell, no package manager, no Pulumi, no test, no map and no source of ours', () => {
    const entries = globSync('**/*', { cwd: folder, withFileTypes: true }).filter((entry) => !entry.isDirectory());
    const files = entries.map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
    expect(files).toContain('app/main.js');
    const programs = /(?:^|\/)(?:sh|bash|dash|busybox|apt|apt-get|dpkg|npm|npx|perl|python3?|openssl)$/;
    const needless =
      /@pulumi|\.map$|\.(?:d\.)?[cm]?ts$|\.test\.|node_modules\/\.bin|^app\/(?:test|bench|stacks|policies)/;
    expect(files.filter((file) => programs.test(file) || needless.test(file))).toEqual([]);
    const code = globSync('app/*.js', { cwd: folder }).map((file) => readFileSync(join(folder, file), 'utf8'));
    expect(code.filter((text) => text.includes('@pulumi/pulumi') || text.includes('sourceMappingURL=data'))).toEqual(
      [],
    );
  });

  test('every file of it finds what it loads', async () => {
    const found = await inside(`
      import { readdirSync } from 'node:fs';
      import { once } from 'node:events';
      import { Worker } from 'node:worker_threads';
      const failed = [];
      const files = readdirSync('/app').filter((file) => file.endsWith('.js') && file !== 'main.js');
      const isThread = (file) => /-(?:reader|thread)-/.test(file);
      for (const file of files.filter((file) => !isThread(file)))
        await import('/app/' + file).catch((error) => failed.push(file + ': ' + error));
      const threads = files.filter(isThread);
      for (const file of threads) {
        const worker = new Worker('/app/' + file, { stderr: true, workerData: {} });
        const [error] = await Promise.race([once(worker, 'error').catch((e) => [e]), once(worker, 'online').then(() => [])]);
        if (/Cannot find|not defined|ERR_MODULE/.test(String(error))) failed.push(file + ': ' + error);
        await worker.terminate();
      }
      console.log(JSON.stringify({ failed, threads: threads.length }));
      process.exit();`);
    expect(found).toMatchObject({ failed: [] });
    expect((found as { threads: number }).threads).toBeGreaterThanOrEqual(5);
  });

  test('its bill of materials lists what it holds: no more, no less', () => {
    const bill: Bill = JSON.parse(readFileSync(join(output, 'runner.cdx.json'), 'utf8'));
    const lock = JSON.parse(readFileSync(join(import.meta.dirname, '../../package-lock.json'), 'utf8')).packages;
    const purls = new Set(bill.components.map(({ purl }) => purl));
    const has = (name: string) =>
      purls.has(`pkg:npm/${name.replace('@', '%40')}@${lock[`node_modules/${name}`].version}`);
    const platform = `linux-${process.arch}`;
    const held = ['pg', 'mysql2', '@google-cloud/bigquery', '@grpc/grpc-js', `@duckdb/node-bindings-${platform}`];
    expect([...held, `@node-rs/crc32-${platform}-gnu`].filter((name) => !has(name))).toEqual([]);
    expect(['vitest', 'rolldown', '@pulumi/pulumi', 'hono', 'swagger-ui-dist', 'azurite'].filter(has)).toEqual([]);
    expect(purls).toContain(`pkg:generic/node@${process.versions.node}`);
    const debian = bill.components.flatMap(({ name, purl }) => (purl.startsWith('pkg:deb/') ? [name] : []));
    const noted = globSync('var/lib/dpkg/status.d/*', { cwd: folder }).map((file) => file.split('/').at(-1));
    expect(debian.sort()).toEqual(noted.sort());
    expect(debian).toEqual(expect.arrayContaining(['libc6', 'libstdc++6', 'ca-certificates', 'tzdata']));
    const packages = globSync('app/node_modules/{@*/*,[!@]*}', { cwd: folder });
    expect(packages.map((path) => path.replace('app/node_modules/', '')).filter((name) => !has(name))).toEqual([]);
  });

  test('it goes to a registry, and what is printed is the digest it has there', () => {
    const [, digest = ''] = built.image.split('@');
    expect(built.image).toBe(`${registry.host}/tributary/runner@${digest}`);
    const manifest = registry.manifests.get(digest) ?? '';
    expect(`sha256:${createHash('sha256').update(manifest).digest('hex')}`).toBe(digest);
    const { layers, config } = JSON.parse(manifest) as { layers: { digest: string }[]; config: { digest: string } };
    expect([...layers, config].filter((blob) => !registry.blobs.has(blob.digest))).toEqual([]);
    expect(JSON.parse(readFileSync(join(output, 'runner.json'), 'utf8'))).toEqual(built);
  });

  test('built again it is the same image, with the same bill', { timeout: 120_000 }, async () => {
    const push = `${registry.host}/tributary/runner:2`;
    const before = readFileSync(join(output, 'runner.cdx.json'), 'utf8');
    const again = await buildImage('runner', { base: 'localhost/tributary-base', output, storage, push, plain: true });
    expect(again.image).toBe(built.image);
    expect(readFileSync(join(output, 'runner.cdx.json'), 'utf8')).toBe(before);
  });

  test('the webhook answers from its image, with the page of its API', { timeout: 120_000 }, async () => {
    const push = `${registry.host}/tributary/webhook:1`;
    const { tag } = await buildImage('webhook', {
      base: 'localhost/tributary-base',
      output,
      storage,
      push,
      plain: true,
    });
    await buildah.look(tag, async (files) => {
      const port = await freePort();
      const { child, ended } = startContainer(files, [NODE, '/app/server.js'], {
        ...{
          TRIBUTARY_AUTH: 'laptop',
          PORT: `${port}`,
          TRIBUTARY_TENANTS: '/tmp',
          TRIBUTARY_RUN_STORE: 'sqlite:/tmp/runs',
        },
        ...{ TRIBUTARY_LAUNCHER: 'cloud-run', CLOUD_RUN_EMULATOR_HOST: '127.0.0.1:1', TRIBUTARY_PROJECT: 'acme' },
      });
      const status = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
      const ready = vi.waitFor(async () => expect(await status('/healthz')).toBe(200), 30_000);
      await Promise.race([ready, ended.then(({ text }) => expect.unreachable(text))]);
      const paths = ['/openapi.json', '/docs', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui.css'];
      expect(await Promise.all(paths.map(status))).toEqual([200, 200, 200, 200]);
      child.kill('SIGTERM');
      expect((await ended).code).toBe(0);
    });
    expect(existsSync(join(output, 'webhook.cdx.json'))).toBe(true);
  });

  test('the image of Dataflow has the pipeline, Node and the runner beside what its base has', async () => {
    const context = join(output, 'stand-in');
    const launcher = 'opt/google/dataflow/python_template_launcher';
    mkdirSync(join(context, launcher, '..'), { recursive: true });
    writeFileSync(join(context, launcher), 'of the stand-in');
    writeFileSync(join(context, 'dockerfile'), 'FROM localhost/tributary-base\nCOPY opt/ /opt/\n');
    await buildah.build('localhost/stand-in', join(context, 'dockerfile'), context);
    const push = `${registry.host}/tributary/dataflow:1`;
    const options = { base: 'localhost/stand-in', launcher: 'localhost/stand-in', output, storage, push, plain: true };
    const { tag } = await buildImage('dataflow', options);
    const config = JSON.parse(await buildah.command('inspect', '--type', 'image', tag)).OCIv1.config;
    const environment = Object.fromEntries(config.Env.map((line: string) => line.split(/=(.*)/s)));
    await buildah.look(tag, async (files) => {
      expect(readFileSync(join(files, launcher), 'utf8')).toBe('of the stand-in');
      expect(readFileSync(join(files, environment.FLEX_TEMPLATE_PYTHON_PY_FILE), 'utf8')).toContain('apache_beam');
      const [node, main] = JSON.parse(environment.TRIBUTARY_EXTRACTOR);
      const { code, text } = await startContainer(files, [node, main]).ended;
      expect({ code, problem: JSON.parse(text).problem.code }).toEqual({ code: 1, problem: 'USAGE' });
    });
  }, 120_000);

  test.each([
    ['runner', { base: 'gcr.io/distroless/nodejs24-debian12' }, 'not named by its digest'],
    ['dataflow', { base: 'scratch' }, 'scratch has none'],
  ] as const)('%s on %o is refused', async (kind, options, why) => {
    const refused = await buildImage(kind, { ...options, output, storage }).then(() => null, problemOf);
    expect(refused).toMatchObject({ code: 'USAGE', detail: expect.stringContaining(why) });
  });
});
