/** Firestore's emulator into the embedded warehouse, beside the raw client of its API with the same query. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type PutDocument, startFirestore } from '../test/servers/firestore.ts';
import type { BenchOptions } from './main.ts';
import { type Command, measure, round, waitForQuiet } from './measure.ts';
import { type Case, describeMachine, type Result, type Target } from './report.ts';
import { alternate, type Plan } from './rounds.ts';
import { readReport, warehouseFile } from './tributary.ts';

const PROJECT = 'bench-project';
const root = join(import.meta.dirname, '..');
/** Documents, and the shortest time that was published for a seeded collection of so many: a tenth of it is our limit. */
const SIZES = [
  { documents: 500, seconds: 5 },
  { documents: 10_000, seconds: 30 },
  { documents: 100_000, seconds: 300 },
] as const;
const LEAST_RATIO = 0.9;
const FASTER = 10;
/** Below this a ratio measures start-up. */
const DOCUMENTS_TO_JUDGE = 100_000;

/** A product, with what products have: texts, numbers, times, a map and a list. */
function* products(collection: string, documents: number): Generator<PutDocument> {
  const text = (stringValue: string) => ({ stringValue });
  for (let i = 0; i < documents; i++) {
    yield {
      path: `${collection}/p${String(i).padStart(7, '0')}`,
      fields: {
        name: text(`Product number ${i}`),
        sku: { integerValue: String(i * 7919) },
        price: { doubleValue: i / 7 },
        stock: { booleanValue: i % 3 === 0 },
        updated_at: { timestampValue: new Date(1_760_000_000_000 + i * 1000).toISOString() },
        description: text(`All that is said about product ${i}. `.repeat(4)),
        size: { mapValue: { fields: { width: { integerValue: '3' }, height: { doubleValue: 4.5 } } } },
        tags: { arrayValue: { values: [text('new'), text(`group ${i % 50}`)] } },
      },
    };
  }
}

export async function benchFirestore(options: BenchOptions): Promise<Result> {
  const { say, cleanup, folder, quick } = options;
  const rounds = options.rounds ?? (quick ? 1 : 3);
  const sizes = SIZES.filter(({ documents }) => !quick || documents <= 10_000);
  const noisy = new Set<string>();
  say("Starting Google's emulator");
  const server = cleanup.use(await startFirestore());
  for (const { documents } of sizes) {
    say(`Making ${documents.toLocaleString('en')} documents`);
    await server.put(PROJECT, products(`c${documents}`, documents));
  }
  const cost = async (name: string, command: Command) => {
    if (!(await waitForQuiet(quick ? 5 : 60))) noisy.add(name);
    const measured = await measure(command, [server.pid]);
    if (measured.exitCode === 0) return measured;
    throw new Error(`${name} ended with ${measured.exitCode}\n${measured.stderr.slice(-2000)}`);
  };
  const raw = (documents: number): Plan => ({
    name: `raw-${documents}`,
    rows: documents,
    rounds,
    note: 'the client of the API, counted only',
    run: async () => {
      const program = join(import.meta.dirname, 'firestore-raw.ts');
      const measured = await cost(`raw-${documents}`, {
        argv: [process.execPath, program, server.host, PROJECT, `c${documents}`],
      });
      return { ...measured, result: Number(measured.stdout) === documents ? 'exact' : `differs: ${measured.stdout}` };
    },
  });
  const ours = (documents: number): Plan => ({
    name: `replace-${documents}`,
    rows: documents,
    rounds,
    note: 'the whole run, into the warehouse',
    run: async (workspace) => {
      const measured = await cost(`replace-${documents}`, runCommand(workspace, server.host, documents));
      const report = readReport(measured.stdout);
      const { loaded } = report.rows;
      return { ...measured, report, result: loaded === documents ? 'exact' : `differs: ${loaded} loaded` };
    },
  });
  const plans = sizes.flatMap(({ documents }) => [raw(documents), ours(documents)]);
  const chosen = plans.filter(({ name }) => options.only?.includes(name) ?? true);
  const cases = await alternate(chosen, folder, say);
  const notes = [
    'Documents per CPU second of the client: of the whole run, start, decoding and the columnar load included, against the raw client that only decodes and counts.',
    'The time of the emulator itself is the column of the server; nothing waits for less.',
  ];
  if (noisy.size > 0) notes.push(`The machine was busy with something else before: ${[...noisy].join(', ')}.`);
  const ratios: Record<string, number> = {};
  for (const { documents } of sizes) {
    const [theirs, own] = [`raw-${documents}`, `replace-${documents}`].map((name) =>
      cases.find((one) => one.name === name),
    );
    if (theirs === undefined || own === undefined) continue;
    ratios[`documents per CPU second, ${documents}: replace/raw`] = round(theirs.cpu / own.cpu, 3);
    notes.push(
      `${documents}: ${Math.round(documents / own.cpu)} documents per CPU second in a whole run, ${Math.round(documents / theirs.cpu)} for the raw client.`,
    );
  }
  return {
    name: 'firestore',
    machine: describeMachine("Google's emulator of Firestore"),
    cases,
    ratios,
    targets: judge(cases, ratios),
    notes,
  };
}

function judge(cases: readonly Case[], ratios: Readonly<Record<string, number>>): Target[] {
  const targets: Target[] = [];
  for (const [name, got] of Object.entries(ratios)) {
    if (name.includes(` ${DOCUMENTS_TO_JUDGE}:`))
      targets.push({ name, want: `≥ ${LEAST_RATIO}`, got, ok: got >= LEAST_RATIO });
  }
  for (const { documents, seconds } of SIZES) {
    const own = cases.find(({ name }) => name === `replace-${documents}`);
    if (own === undefined) continue;
    const limit = seconds / FASTER;
    targets.push({ name: `replace-${documents}: wall`, want: `≤ ${limit} s`, got: own.wall, ok: own.wall <= limit });
  }
  for (const { name, result } of cases)
    targets.push({
      name: `${name}: ${result}`,
      want: 'exact',
      got: Number(result === 'exact'),
      ok: result === 'exact',
    });
  return targets;
}

function runCommand(workspace: string, emulator: string, documents: number): Command {
  const tenant = {
    tenant: 'bench',
    connections: { app: { kind: 'firestore', project: PROJECT } },
    sources: {
      products: { connection: 'app', collection: `c${documents}`, load: { strategy: 'catalog', history: 'replace' } },
    },
  };
  const tenants = join(workspace, 'tenants');
  mkdirSync(tenants, { recursive: true });
  writeFileSync(join(tenants, 'bench.yaml'), stringify(tenant));
  const cli = join(root, 'runner', 'cli.js');
  const where = ['--tenants', tenants, '--warehouse', `duckdb:${warehouseFile(workspace)}`];
  return {
    argv: [process.execPath, cli, 'run', 'bench', 'products', ...where, '--json'],
    cwd: workspace,
    env: { FIRESTORE_EMULATOR_HOST: emulator },
  };
}
