/** The bill of materials of an image (CycloneDX 1.5): what is in it, and no more; the same image has the same bill. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './bundle.ts';
import type { SystemPackage } from './contents.ts';

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
}

interface Component {
  readonly type: 'library' | 'application';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses?: readonly object[];
}

export interface Materials {
  /** As in `tributary-runner`. */
  readonly image: string;
  /** Folders of `node_modules` that are part of it. */
  readonly packages: readonly string[];
  /** As in `24.21.0`. */
  readonly node: string;
  readonly system: readonly SystemPackage[];
  readonly distribution: string | null;
}

export function billOfMaterials({ image, packages, node, system, distribution }: Materials): object {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly version: string;
    readonly packages: Readonly<Record<string, Locked>>;
  };
  const components = [
    ...packages.map((path) => npmComponent(path, lock.packages[path])),
    { ...component('application', 'node', node, `pkg:generic/node@${node}`), licenses: licences('MIT') },
    ...system.map(({ name, version, architecture }) => {
      const where = `arch=${architecture}${distribution === null ? '' : `&distro=${distribution}`}`;
      return component('library', name, version, `pkg:deb/debian/${name}@${encodeURIComponent(version)}?${where}`);
    }),
  ];
  const known = new Map(components.map((one) => [one['bom-ref'], one]));
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'container', 'bom-ref': image, name: image, version: lock.version } },
    components: [...known.values()].sort((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1)),
  };
}

function npmComponent(path: string, locked: Locked | undefined): Component {
  const name = path.replace(/^.*node_modules\//, '');
  if (locked === undefined) throw new Error(`package-lock.json has no ${path}`);
  const { version, license, integrity } = locked;
  const [algorithm, hash] = integrity?.split('-') ?? [];
  return {
    ...component('library', name, version, `pkg:npm/${name.replace('@', '%40')}@${version}`),
    ...(algorithm === 'sha512' && hash !== undefined
      ? { hashes: [{ alg: 'SHA-512', content: Buffer.from(hash, 'base64').toString('hex') }] }
      : {}),
    ...(license === undefined ? {} : { licenses: licences(license) }),
  };
}

function component(type: Component['type'], name: string, version: string, purl: string): Component {
  return { type, 'bom-ref': purl, name, version, purl };
}

/** SPDX: one licence by its id, several as an expression. */
function licences(text: string): readonly object[] {
  return / |\(/.test(text) ? [{ expression: text }] : [{ license: { id: text } }];
}
