/** What the demo's tenant becomes in a cloud: `tributary preview` and `up` on the real engine, against a simulated one. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findEngine } from '../cloud/engine.ts';
import { Cloud } from '../cloud/harness.ts';
import { root } from '../setup/ways.ts';

export interface Stage {
  /** Where the command line is called; holds `tenants/demo.yaml`. */
  readonly folder: string;
  /** Runs a program whose output the person sees. */
  readonly show: (
    program: string,
    args: readonly string[],
    options: { cwd: string; env: Record<string, string> },
  ) => Promise<void>;
  readonly say: (text?: string) => void;
}

export async function demoStacks({ folder, show, say }: Stage): Promise<void> {
  const engine = findEngine();
  if (engine === null) {
    say('Not shown, as no Pulumi engine is here: npm run engine builds one in a few minutes.');
    return;
  }
  const cloud = new Cloud(engine);
  try {
    await copyFile(join(root, 'Pulumi.platform.dev.yaml'), join(folder, 'Pulumi.platform.dev.yaml'));
    const cli = join(root, 'runner', 'cli.js');
    for (const command of ['up platform --yes', 'preview demo', 'up demo --yes', 'preview demo']) {
      say(`\n$ tributary ${command}`);
      const args = [cli, ...command.split(' '), '--tenants', join(folder, 'tenants')];
      await show(process.execPath, args, { cwd: folder, env: { ...cloud.environment } });
    }
  } finally {
    cloud.close();
  }
}
