import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { Engine, warmEngine } from '../../../runner/columnar/engine.ts';
import { newFolder } from '../../servers/child.ts';

const run = promisify(execFile);
const engineModule = join(import.meta.dirname, '../../../runner/columnar/engine.ts');

it('an engine works in the thread that was begun for it, the next one in its own', async () => {
  warmEngine();
  const spill = await newFolder('engine');
  const engines = [new Engine(), new Engine()];
  for (const [i, engine] of engines.entries()) {
    await engine.open({ file: null, spill: join(spill, `${i}`), memory: '100MB', threads: 1, vectorPath: 'safe' });
    expect(await engine.query(`SELECT ${i} AS n`)).toEqual([{ n: i }]);
  }
  for (const engine of engines) await engine.close();
});

it('a thread that no engine takes keeps no process alive', async () => {
  const program = `import { warmEngine } from ${JSON.stringify(engineModule)}; warmEngine(); console.log('done');`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { timeout: 20_000 });
  expect(stdout).toBe('done\n');
});
