/** Previews on the real engine against the simulated cloud: one tenant beside a flat program, and a hundred tenants. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tenantProgram } from '../stacks/tenant.ts';
import { readTenant } from '../tenants/load.ts';
import { openCloud } from '../test/cloud/harness.ts';
import { Desk } from '../test/stacks/provision-scene.ts';
import type { BenchOptions } from './main.ts';
import { type Command, measure, waitForQuiet } from './measure.ts';
import type { FlatResource } from './preview-flat.ts';
import { type Case, describeMachine, type Result, type Target } from './report.ts';
import { alternate, type Plan, type Sample } from './rounds.ts';

const SOURCES = 10;
const MANY = 100;
const MANY_QUICK = 8;
const PARALLEL = 4;

const limits = { ratio: 1.3, startSeconds: 1.5, megabytes: 1000 } as const;

/** Processes of this project: not the engine, and not the simulated cloud's providers. */
const OURS = /runner\/cli\.js|stacks\/provision\/child\.ts/;

const root = join(import.meta.dirname, '..');

export async function benchPreview(options: BenchOptions): Promise<Result> {
  const { say, cleanup, folder, quick } = options;
  const rounds = options.rounds ?? (quick ? 1 : 5);
  const many = options.rows ?? (quick ? MANY_QUICK : MANY);
  const notes: string[] = [];
  const noisy = new Set<string>();

  say('Bringing the platform up on the simulated cloud');
  const desk = cleanup.use(new Desk(await openCloud()));
  const platform = await desk.run('up', 'platform', '--yes');
  if (platform.code !== 0) throw new Error(`the platform did not come up:\n${platform.stderr}`);
  desk.tenant('ten', SOURCES);

  const resources = await declared(desk);
  const file = join(folder, 'resources.json');
  writeFileSync(file, JSON.stringify(resources));
  const env = { ...desk.cloud.environment };
  const node = process.execPath;
  const cli = join(root, 'runner', 'cli.js');
  const tributary = (...args: string[]): Command => ({
    argv: [node, cli, 'preview', ...args, '--no-policies', '--json'],
    cwd: desk.folder,
    env,
    own: OURS,
  });
  const cost = async (name: string, command: Command): Promise<Sample> => {
    if (!(await waitForQuiet(quick ? 5 : 60))) noisy.add(name);
    const measured = await measure(command);
    if (measured.exitCode === 0) return { ...measured, result: '-' };
    throw new Error(`${command.argv.join(' ')} ended with ${measured.exitCode}\n${measured.stderr.slice(-2000)}`);
  };
  const checked = (sample: Sample, found: number, expected: number): Sample => ({
    ...sample,
    result: found === expected ? 'exact' : `differs: ${found} instead of ${expected}`,
  });

  const load = `await import(${JSON.stringify(join(root, 'stacks/provision/operate.ts'))}); await import(${JSON.stringify(join(root, 'stacks/tenant.ts'))}); await import(${JSON.stringify(join(root, 'components/sources/postgres-source.ts'))})`;
  const plans: Plan[] = [
    {
      name: 'program-start',
      rows: 0,
      rounds: rounds * 2,
      note: 'a process that loads the Automation API and what a tenant of PostgreSQL declares',
      run: () => cost('program-start', { argv: [node, '--input-type=module', '-e', load], env }),
    },
    {
      name: 'flat',
      rows: resources.length,
      rounds,
      note: 'the same resources by hand, one Automation API program',
      run: async () => {
        const sample = await cost('flat', {
          argv: [node, join(import.meta.dirname, 'preview-flat.ts'), file, 'flat.dev'],
          cwd: root,
          env,
        });
        // The engine counts the stack itself.
        return checked(sample, (JSON.parse(sample.stdout) as { create: number }).create - 1, resources.length);
      },
    },
    {
      name: 'tenant',
      rows: resources.length,
      rounds,
      note: `tributary preview of a tenant of ${SOURCES} sources, new`,
      run: async () => {
        const sample = await cost('tenant', tributary('ten'));
        return checked(sample, customOf(JSON.parse(sample.stdout)), resources.length);
      },
    },
  ];
  const cases = await alternate(plans, folder, say);

  desk.forget('ten');
  for (let at = 0; at < many; at++) desk.tenant(`t${String(at).padStart(3, '0')}`, 2);
  cases.push(
    ...(await alternate(
      [
        {
          name: 'many',
          rows: many,
          rounds: 1,
          note: `rows are tenants of 2 sources, ${PARALLEL} at a time; memory of our own processes alone`,
          run: async () => {
            const sample = await cost('many', tributary('--all', '--parallel', String(PARALLEL)));
            const { stacks } = JSON.parse(sample.stdout) as { stacks: readonly { digest: string }[] };
            return checked(sample, stacks.filter(({ digest }) => digest !== '').length, many);
          },
        },
      ],
      folder,
      say,
    )),
  );
  if (noisy.size > 0) notes.push(`The machine was busy with something else before: ${[...noisy].join(', ')}.`);
  notes.push('Rows of flat and tenant are resources. Providers are simulated: no network, and Node instead of Go.');
  const wall = (name: string) => cases.find((one) => one.name === name)?.wall ?? Number.NaN;
  const ratio = Number((wall('tenant') / wall('flat')).toFixed(3));
  return {
    name: 'preview',
    machine: describeMachine(`Pulumi ${desk.cloud.engine.version}`),
    cases,
    ratios: { 'tenant/flat': ratio },
    targets: judge(cases, ratio),
    notes,
  };
}

function judge(cases: readonly Case[], ratio: number): Target[] {
  const of = (name: string) => cases.find((one) => one.name === name);
  const atMost = (name: string, limit: number, got: number, unit: string): Target => ({
    name,
    want: `≤ ${limit}${unit}`,
    got,
    ok: got <= limit,
  });
  return [
    atMost('tenant: wall / flat', limits.ratio, ratio, ''),
    atMost('program-start: wall', limits.startSeconds, of('program-start')?.wall ?? Number.NaN, ' s'),
    atMost('many: peak RSS', limits.megabytes, of('many')?.rssMb ?? Number.NaN, ' MB'),
    ...cases
      .filter(({ result }) => result !== '-')
      .map(({ name, result }) => ({
        name: `${name}: ${result}`,
        want: 'exact',
        got: result === 'exact' ? 1 : 0,
        ok: result === 'exact',
      })),
  ];
}

/** What the tenant's program declares, with its inputs, as the engine was asked for it. */
async function declared(desk: Desk): Promise<readonly FlatResource[]> {
  const { tenant } = readTenant(join(desk.folder, 'tenants', 'ten.yaml'));
  if (tenant === null) throw new Error('the tenant of the bench is not valid');
  const outputs = await desk.outputs('platform.dev');
  const stack = await desk.cloud.stack('ten.recorded', () => tenantProgram(tenant, outputs));
  const found = new Map<string, FlatResource>();
  await stack.automation.preview({
    onEvent: ({ resourcePreEvent }) => {
      const { urn, type, new: state } = resourcePreEvent?.metadata ?? {};
      if (urn === undefined || type === undefined || state?.custom !== true || type.startsWith('pulumi:')) return;
      found.set(urn, { type, name: urn.split('::').slice(3).join('::'), inputs: state.inputs });
    },
  });
  return [...found.values()];
}

function customOf({ operations }: { operations: readonly { type: string }[] }): number {
  return operations.filter(({ type }) => !type.startsWith('tributary:')).length;
}
