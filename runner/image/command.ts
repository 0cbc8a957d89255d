/** Programs of this machine, without a shell. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { TributaryError } from '../core/errors.ts';

const execute = promisify(execFile);

/**
 * What it printed.
 *
 * @throws USAGE where the program is not installed; INTERNAL where it fails, with its last words
 */
export async function run([program, ...parameters]: readonly [string, ...string[]]): Promise<string> {
  try {
    const { stdout } = await execute(program, parameters, { maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    const { code, stderr } = error as { readonly code?: unknown; readonly stderr?: string };
    if (code === 'ENOENT')
      throw new TributaryError('USAGE', {
        reason: `Images are built with ${program}, which is not on this machine.`,
        advice: `Install it, on Debian: apt-get install buildah mmdebstrap`,
      });
    const message = `${program} ended with ${String(code)}: ${(stderr ?? '').trim().slice(-2000)}`;
    throw new TributaryError('INTERNAL', { message });
  }
}
