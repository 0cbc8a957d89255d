import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { catalogue } from '../../runner/core/catalogue.ts';
import { generated } from './generated.ts';
import { root } from './tree.ts';

test.each(generated)('$path is what npm run generate writes', async ({ path, render }) => {
  expect(readFileSync(join(root, path), 'utf8'), 'run: npm run generate').toBe(await render());
});

test('the page of errors names every code and leaves no hole', async () => {
  const page = (await generated.find(({ path }) => path === 'docs/errors.md')?.render()) ?? '';
  for (const code of Object.keys(catalogue)) expect(page).toContain(`\n## ${code}\n`);
  expect(page).not.toContain('undefined');
});
