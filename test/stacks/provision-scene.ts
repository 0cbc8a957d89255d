/** `tributary` as a person types it, in a folder of its own, against the simulated cloud. */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PlatformOutputs, readPlatformOutputs } from '../../stacks/contract.ts';
import type { Engine } from '../../stacks/provision/contract.ts';
import { findEngine, runEngine } from '../../stacks/provision/engine.ts';
import { type Cloud, openCloud } from '../cloud/harness.ts';
import { root } from '../setup/ways.ts';

const cli = join(root, 'runner', 'cli.js');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Desk implements Disposable {
  readonly cloud: Cloud;
  /** Where the command line is called. */
  readonly folder: string;
  readonly #running = new Set<ChildProcess>();

  constructor(cloud: Cloud) {
    this.cloud = cloud;
    this.folder = join(cloud.folder, 'desk');
    mkdirSync(join(this.folder, 'tenants'), { recursive: true });
    copyFileSync(join(root, 'Pulumi.platform.dev.yaml'), join(this.folder, 'Pulumi.platform.dev.yaml'));
  }

  /** Writes a tenant with as many scheduled sources; `more` are further lines of its file. */
  tenant(name: string, sources = 1, more: readonly string[] = []): void {
    const lines = [
      `tenant: ${name}`,
      'project: acme-data-prod',
      'costCenter: retail-42',
      'owners: [data@acme.example]',
      ...more,
      'connections:',
      '  shop: { kind: postgres, host: 10.20.0.5, database: shop, user: reader, tls: verify-full, secret: shop-password }',
      'sources:',
      ...Array.from({ length: sources }, (_, at) => [
        `  orders${at}:`,
        '    connection: shop',
        `    table: public.orders${at}`,
        '    load: { strategy: catalog, history: replace }',
        `    schedule: { cron: "${at} 3 * * *", timeZone: Europe/Warsaw }`,
        '    execution: { mode: cloud_run }',
      ]).flat(),
    ];
    writeFileSync(join(this.folder, 'tenants', `${name}.yaml`), `${lines.join('\n')}\n`);
  }

  forget(tenant: string): void {
    rmSync(join(this.folder, 'tenants', `${tenant}.yaml`));
  }

  start(...args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: this.folder,
      env: { ...process.env, ...this.cloud.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
      const chunks: Buffer[] = [];
      stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
      return () => Buffer.concat(chunks).toString();
    });
    const ended = new Promise<Ended>((done) =>
      child.once('close', (code) => {
        this.#running.delete(child);
        done({ code, stdout: stdout?.() ?? '', stderr: stderr?.() ?? '' });
      }),
    );
    return { child, ended };
  }

  /** Without policies, which have their own suites and take their time. */
  run(...args: readonly string[]): Promise<Ended> {
    return this.start(...args, '--no-policies').ended;
  }

  // biome-ignore lint/suspicious/noExplicitAny: whatever the command printed
  async json(...args: readonly string[]): Promise<any> {
    const { code, stdout, stderr } = await this.run(...args, '--json');
    try {
      return { code, ...JSON.parse(stdout) };
    } catch (error) {
      throw new Error(`${args.join(' ')} printed no JSON (exit ${code}):\n${stdout}\n${stderr}`, { cause: error });
    }
  }

  /** What a platform stack that is up promises to tenants. */
  async outputs(stack: string): Promise<PlatformOutputs> {
    const { stdout } = await runEngine(this.#engine(), ['stack', 'output', '--json', '--stack', stack]);
    return readPlatformOutputs(JSON.parse(stdout), stack);
  }

  #engine(): Engine {
    const engine = findEngine(this.folder, { ...process.env, ...this.cloud.environment });
    if ('code' in engine) throw new Error(engine.code);
    return { ...engine, environment: { ...this.cloud.environment, ...engine.environment } };
  }

  /** Contents of the lock files of a stack. */
  locks(stack: string): { file: string; pid: number }[] {
    const folder = join(this.cloud.folder, 'backend', '.pulumi', 'locks');
    return globSync(`**/${stack}/*.json`, { cwd: folder }).map((name) => {
      const file = join(folder, name);
      return { file, pid: (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid };
    });
  }

  /** Holds the lock of a stack as a process of another machine would. */
  lockElsewhere(stack: string): Disposable {
    const folder = join(this.cloud.folder, 'backend', '.pulumi', 'locks', 'organization', 'tributary', stack);
    const file = join(folder, 'elsewhere.json');
    mkdirSync(folder, { recursive: true });
    const held = { pid: 77, username: 'ann', hostname: 'elsewhere', timestamp: '2026-11-23T13:45:36Z' };
    writeFileSync(file, JSON.stringify(held));
    return { [Symbol.dispose]: () => rmSync(file, { force: true }) };
  }

  /** Ids of what exists of a type (of any: `''`), by a part of them. */
  ids(type: string, part = ''): string[] {
    return this.cloud
      .resources(type === '' ? undefined : type)
      .map(({ id }) => id)
      .filter((id) => id.includes(part));
  }

  [Symbol.dispose](): void {
    for (const child of this.#running) child.kill('SIGKILL');
    this.cloud.close();
  }
}

/** A desk with the platform up. */
export async function openDesk(): Promise<Desk> {
  const desk = new Desk(await openCloud());
  const { code, stderr, stdout } = await desk.run('up', 'platform', '--yes');
  if (code !== 0) {
    desk[Symbol.dispose]();
    throw new Error(`the platform did not come up (exit ${code}):\n${stdout}\n${stderr}`);
  }
  return desk;
}

export const DATASET = 'gcp:bigquery/dataset:Dataset';
export const JOB = 'gcp:cloudrunv2/job:Job';
export const OBJECT = 'gcp:storage/bucketObject:BucketObject';
export const SCHEDULE = 'gcp:cloudscheduler/job:Job';
