/**
 * npm run images -- <runner|webhook|dataflow>…: builds them without a daemon and says their digests. docs/images.md
 *
 * `--base <image@sha256:…|scratch>` `--output <folder>` `--storage <folder>` `--push <registry/name:tag>` (of one image; `--plain`
 * where that registry speaks plain HTTP) `--launcher <image@sha256:…>` (of `dataflow`)
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { problemOf, TributaryError } from '../core/errors.ts';
import { type BuiltImage, buildImage } from './build.ts';
import { root } from './bundle.ts';
import { type ImageKind, recipes } from './recipes.ts';

const MEGABYTE = 1e6;
const folder = join(root, '.cache/images');

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      base: { type: 'string' },
      output: { type: 'string', default: folder },
      storage: { type: 'string', default: join(folder, 'storage') },
      push: { type: 'string' },
      launcher: { type: 'string' },
      plain: { type: 'boolean', default: false },
    },
  });
  const kinds = positionals.filter((kind): kind is ImageKind => Object.hasOwn(recipes, kind));
  if (kinds.length === 0 || kinds.length < positionals.length) throw usage('Which image? runner, webhook or dataflow.');
  if (values.push !== undefined && kinds.length > 1) throw usage('--push names one image.');
  for (const kind of kinds) say(kind, await buildImage(kind, values));
} catch (error) {
  const { title, detail, fix } = problemOf(error);
  console.error([title, detail, fix].join('\n'));
  process.exitCode = 1;
}

function say(kind: ImageKind, { image, base, bytes, compressed, parts }: BuiltImage): void {
  const megabytes = (size: number) => `${(size / MEGABYTE).toFixed(1)} MB`;
  const packed = compressed === null ? '' : `, ${megabytes(compressed)} compressed`;
  const sizes = Object.entries(parts).map(([part, size]) => `${part} ${megabytes(size)}`);
  console.log(`${kind}: ${image}`);
  console.log(`  ${megabytes(bytes)} (${sizes.join(', ')})${packed}, on ${base}`);
}

function usage(reason: string): TributaryError {
  return new TributaryError('USAGE', { reason, advice: 'npm run images -- runner --base <image@sha256:…>' });
}
