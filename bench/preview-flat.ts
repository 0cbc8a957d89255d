/**
 * The same resources as a tenant has, declared one by one in a flat program, as somebody would without components:
 * `node bench/preview-flat.ts <resources.json> <stack>`. Prints how many the engine would create.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalWorkspace } from '@pulumi/pulumi/automation/index.js';

export interface FlatResource {
  /** `gcp:bigquery/dataset:Dataset` */
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

type ResourceClass = new (name: string, inputs: object) => unknown;

/** Each class from its own module, as a careful author imports it; files are named after it in one case or another. */
async function classOf(type: string): Promise<ResourceClass> {
  const [provider, path = '', name = ''] = type.split(':');
  const [module = ''] = path.split('/');
  const folder = join(import.meta.dirname, '../node_modules/@pulumi', provider ?? '', module);
  const file = readdirSync(folder).find((one) => one.toLowerCase() === `${name.toLowerCase()}.js`);
  const found = ((await import(join(folder, file ?? `${name}.js`))) as Record<string, ResourceClass>)[name];
  if (found === undefined) throw new Error(`${type} has no class`);
  return found;
}

if (import.meta.main) {
  const [file = '', stackName = ''] = process.argv.slice(2);
  const resources = JSON.parse(readFileSync(file, 'utf8')) as readonly FlatResource[];
  const program = async () => {
    const classes = new Map<string, ResourceClass>();
    for (const { type } of resources) if (!classes.has(type)) classes.set(type, await classOf(type));
    for (const { type, name, inputs } of resources) {
      const Resource = classes.get(type);
      if (Resource !== undefined) new Resource(name, inputs);
    }
  };
  const workDir = mkdtempSync(join(tmpdir(), 'tributary-flat-'));
  try {
    const stack = await LocalWorkspace.createOrSelectStack({ stackName, projectName: 'flat', program }, { workDir });
    const { changeSummary } = await stack.preview({ onEvent: () => {} });
    console.log(JSON.stringify({ create: changeSummary.create ?? 0 }));
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}
