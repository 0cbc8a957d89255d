/** The folder that an image is built of: what its Dockerfile copies. */
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundle, root } from './bundle.ts';
import { machineCode, type Recipe } from './recipes.ts';

export interface Context {
  /** Folders of `node_modules` of which the image holds something, as the lockfile writes them. */
  readonly packages: readonly string[];
}

/** Where the base has no Node, this one goes to where distroless images have theirs. */
export const NODE = 'nodejs/bin/node';

export async function putContext({ entry, name, files, folders }: Recipe, folder: string): Promise<Context> {
  const app = join(folder, 'app');
  const { modules } = await bundle(entry, name, app);
  writeFileSync(join(app, 'package.json'), `${JSON.stringify({ type: 'module', private: true })}\n`);
  const bundled = new Set(modules.flatMap(packageOf));
  const native = machineCode(new Set([...bundled].map((path) => path.replace(/^.*node_modules\//, ''))));
  const put = (from: string) => cpSync(join(root, from), join(app, from), { recursive: true, dereference: true });
  for (const path of [...native, ...files]) put(path);
  for (const [from, to] of Object.entries(folders))
    cpSync(join(root, from), join(folder, to), { recursive: true, filter: (path) => !path.includes('__pycache__') });
  const packages = new Set([...bundled, ...[...native, ...files.map((file) => `${file}/`)].flatMap(packageOf)]);
  return { packages: [...packages].sort() };
}

export function putNode(folder: string): void {
  const to = join(folder, NODE);
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(process.execPath, to);
}

/** `node_modules/a/node_modules/@b/c/d.js` → `node_modules/a/node_modules/@b/c` */
function packageOf(path: string): string[] {
  const found = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path);
  return found === null ? [] : [found[0]];
}
