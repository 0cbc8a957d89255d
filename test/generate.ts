/** npm run generate: writes the committed files that come from code. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generated } from './house/generated.ts';
import { root } from './house/tree.ts';

for (const { path, render } of generated) {
  writeFileSync(join(root, path), await render());
  console.log(path);
}
