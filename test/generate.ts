/** npm run generate: writes the committed files that come from code. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generated } from './house/generated.ts';
import { root } from './house/tree.ts';

for (const { path, render } of generated) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), await render());
  console.log(path);
}
