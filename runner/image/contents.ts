/** What is in an image, as found in its files. */
import { existsSync, globSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SystemPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** Sizes of what it is made of, in bytes; a file counts once. */
export type Parts = Readonly<Record<'node' | 'duckdb' | 'javascript' | 'system', number>>;

const DATABASES = ['var/lib/dpkg/status', 'var/lib/dpkg/status.d/*'];

/** Debian's packages, by name; distroless images note each in a file of its own. */
export function systemPackages(folder: string): readonly SystemPackage[] {
  const files = DATABASES.flatMap((pattern) => globSync(join(folder, pattern))).filter(
    (file) => !file.endsWith('.md5sums'),
  );
  const entries = files.flatMap((file) => readFileSync(file, 'utf8').split(/\n\n+/));
  const found = entries.flatMap((entry) => {
    const field = (name: string) => new RegExp(`^${name}: (.+)$`, 'm').exec(entry)?.[1];
    const [name, version, architecture] = [field('Package'), field('Version'), field('Architecture')];
    return name && version && architecture ? [{ name, version, architecture }] : [];
  });
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** As in `debian-12`; `null` where the image does not say. */
export function distribution(folder: string): string | null {
  const file = join(folder, 'etc/os-release');
  if (!existsSync(file)) return null;
  const text = readFileSync(file, 'utf8');
  const field = (name: string) => new RegExp(`^${name}="?([^"\\n]+)`, 'm').exec(text)?.[1];
  return `${field('ID')}-${field('VERSION_ID')}`;
}

export function partsOf(folder: string): Parts {
  const parts = { node: 0, duckdb: 0, javascript: 0, system: 0 };
  for (const entry of globSync('**/*', { cwd: folder, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(join(folder, '/').length);
    const part = name === 'nodejs/bin/node' ? 'node' : !name.startsWith('app/') ? 'system' : 'javascript';
    parts[part === 'javascript' && name.includes('@duckdb/') ? 'duckdb' : part] += lstatSync(path).size;
  }
  return parts;
}
