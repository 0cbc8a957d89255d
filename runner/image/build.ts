/** From a kind of image to the image, its digest, its bill of materials and its sizes. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TributaryError } from '../core/errors.ts';
import { billOfMaterials } from './bill-of-materials.ts';
import { openBuildah } from './buildah.ts';
import { distribution, type Parts, partsOf, systemPackages } from './contents.ts';
import { NODE, putContext, putNode } from './context.ts';
import { type ImageKind, recipes } from './recipes.ts';
import { putRoot } from './root-files.ts';

export interface ImageOptions {
  /** An image by its digest, or `scratch`: a least root of Debian's packages and the Node of this process. */
  readonly base?: string;
  /** Of `dataflow`: the image that Google's launcher of templates is taken from, by its digest. */
  readonly launcher?: string;
  /** Folder of what is written: `<kind>.cdx.json`, `<kind>.json` and, where it is not pushed, `<kind>.tar` (an OCI archive). */
  readonly output: string;
  /** Folder of buildah's images. */
  readonly storage: string;
  /** `registry/name:tag`, where it goes in the end. */
  readonly push?: string;
  /** Whether the registry speaks plain HTTP, as one on this machine does. */
  readonly plain?: boolean;
}

export interface BuiltImage {
  /** As buildah's storage has it. */
  readonly tag: string;
  /** `registry/name@sha256:…` where it was pushed, else the digest alone. */
  readonly image: string;
  readonly base: string;
  /** Size of the archive; `null` where a registry has it. */
  readonly compressed: number | null;
  readonly bytes: number;
  readonly parts: Parts;
}

/** @throws USAGE where a program is missing or a base has no digest; INTERNAL */
export async function buildImage(kind: ImageKind, options: ImageOptions): Promise<BuiltImage> {
  const { output, storage, push, launcher, plain = false } = options;
  const recipe = recipes[kind];
  for (const named of [options.base, launcher]) if (named !== undefined) requirePinned(named);
  if (recipe.node === 'copied' && options.base === 'scratch')
    throw new TributaryError('USAGE', { reason: `The image ${kind} needs a base with Apache Beam: scratch has none.` });
  const tag = `localhost/tributary-${kind}`;
  const buildah = openBuildah(storage);
  const scratch = mkdtempSync(join(tmpdir(), 'tributary-image-'));
  try {
    for (const folder of [output, storage]) mkdirSync(folder, { recursive: true });
    const base = options.base === 'scratch' ? await leastBase() : (options.base ?? recipe.base);
    const context = join(scratch, 'context');
    const { packages } = await putContext(recipe, context);
    if (recipe.node === 'copied') putNode(context);
    await buildah.build(tag, join(import.meta.dirname, `${kind}.dockerfile`), context, {
      BASE: base,
      ...(launcher === undefined ? {} : { LAUNCHER: launcher }),
    });
    const seen = await buildah.look(tag, (folder) => ({
      parts: partsOf(folder),
      node: execFileSync(join(folder, NODE), ['--version'], { encoding: 'utf8' }).trim().replace(/^v/, ''),
      ...{ system: systemPackages(folder), distribution: distribution(folder) },
    }));
    const { image, compressed } = push === undefined ? await archived() : await pushed(push);
    const bytes = Object.values(seen.parts).reduce((sum, one) => sum + one, 0);
    const built = { tag, image, base, compressed, bytes, parts: seen.parts };
    const bill = billOfMaterials({ image: `tributary-${kind}`, packages, ...seen });
    writeFileSync(join(output, `${kind}.cdx.json`), `${JSON.stringify(bill, null, 2)}\n`);
    writeFileSync(join(output, `${kind}.json`), `${JSON.stringify(built, null, 2)}\n`);
    return built;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }

  async function leastBase(): Promise<string> {
    const least = join(scratch, 'least');
    mkdirSync(least);
    await putRoot(least, scratch);
    if (recipe.node === 'base') putNode(least);
    const dockerfile = join(scratch, 'least.dockerfile');
    writeFileSync(dockerfile, 'FROM scratch\nCOPY . /\n');
    await buildah.build('localhost/tributary-base', dockerfile, least);
    return 'localhost/tributary-base';
  }

  async function archived() {
    const archive = join(output, `${kind}.tar`);
    rmSync(archive, { force: true });
    const image = await buildah.push(tag, `oci-archive:${archive}`);
    return { image, compressed: statSync(archive).size };
  }

  async function pushed(to: string) {
    const digest = await buildah.push(tag, `docker://${to}`, plain ? ['--tls-verify=false'] : []);
    return { image: `${to.replace(/:[^:/]+$/, '')}@${digest}`, compressed: null };
  }
}

/** What is named by a tag is another image tomorrow. */
function requirePinned(image: string): void {
  if (image === 'scratch' || /@sha256:[0-9a-f]{64}$|^localhost\//.test(image)) return;
  throw new TributaryError('USAGE', {
    reason: `${image} is not named by its digest.`,
    advice: `See it with: skopeo inspect --format '{{.Name}}@{{.Digest}}' docker://${image}`,
  });
}
