/** node test/stacks/record-state.ts: keeps the state that this release leaves behind; later ones are tried against it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../setup/ways.ts';
import { recordings, Scene } from './scene.ts';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const { states, tenants } = recordings(version);
mkdirSync(tenants, { recursive: true });

const scene = await Scene.open({ policies: false });
try {
  for (const subject of ['platform', ...scene.tenants]) {
    const stack = subject === 'platform' ? await scene.platform() : await scene.tenant(subject);
    await stack.up();
    const text = JSON.stringify(await stack.export(), portable, 1);
    writeFileSync(join(states, `${subject}.json`), `${text}\n`);
    if (subject !== 'platform') writeFileSync(join(tenants, `${subject}.yaml`), scene.read(subject));
    console.log(join('test/fixtures/state', version, `${subject}.json`));
  }
} finally {
  scene.close();
}

/** Without what tells of this machine and this hour. */
function portable(key: string, value: unknown): unknown {
  if (['sourcePosition', 'stackTrace', 'created', 'modified'].includes(key)) return undefined;
  return key === 'time' ? '2026-01-01T00:00:00Z' : value;
}
