/** components/schema.json: the components as other languages see them, inferred by Pulumi's own analyzer. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Analyzer } from '@pulumi/pulumi/provider/experimental/analyzer.js';
import { generateSchema } from '@pulumi/pulumi/provider/experimental/schema.js';
import { root } from './tree.ts';

export async function componentSchema(): Promise<unknown> {
  const folder = join(root, 'components/plugin');
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const names = new Set(Object.keys(await import('../../components/index.ts')));
  const { components, typeDefinitions, dependencies } = new Analyzer(folder, manifest.name, manifest, names).analyze();
  const { name, version, description } = manifest;
  return generateSchema(name, version, description, components, typeDefinitions, dependencies);
}
