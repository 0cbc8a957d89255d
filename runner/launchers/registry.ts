/** Every launcher, by kind. */
import type { Launcher } from '../core/contracts/launcher.ts';
import { TributaryError } from '../core/errors.ts';
import type { ChildProcessSettings } from './child-process/index.ts';
import type { CloudRunJobSettings } from './cloud-run-job/index.ts';

export type LauncherSettings = ChildProcessSettings | CloudRunJobSettings;

type Kind = LauncherSettings['kind'];
type Open<K extends Kind> = (settings: Extract<LauncherSettings, { kind: K }>) => Launcher;

const launchers = {
  'child-process': async () => (await import('./child-process/index.ts')).openChildProcesses,
  'cloud-run-job': async () => (await import('./cloud-run-job/index.ts')).openCloudRunJobs,
} satisfies { [K in Kind]: () => Promise<Open<K>> };

/** @example await using launcher = await openLauncher({ kind: 'cloud-run-job' }); */
export async function openLauncher(settings: LauncherSettings): Promise<Launcher> {
  const open = (await launchers[settings.kind]()) as Open<Kind>;
  return open(settings as never);
}

/** What only whoever starts runners on a laptop knows. */
export type LocalRunner = Omit<ChildProcessSettings, 'kind' | 'maxProcesses' | 'graceMs' | 'keep'>;

/**
 * Settings from the environment of the webhook: `TRIBUTARY_LAUNCHER` is `cloud-run` or `child-process`,
 * `TRIBUTARY_MAX_PROCESSES` how many processes may run at once; `CLOUD_RUN_EMULATOR_HOST` is a server for tests.
 *
 * @throws USAGE
 */
export function launcherSettings(
  environment: Readonly<Record<string, string | undefined>>,
  local: () => LocalRunner,
): LauncherSettings {
  const { TRIBUTARY_LAUNCHER: name, TRIBUTARY_MAX_PROCESSES: limit, CLOUD_RUN_EMULATOR_HOST: endpoint } = environment;
  if (name === 'cloud-run') return { kind: 'cloud-run-job', ...(endpoint ? { endpoint } : {}) };
  if (name !== 'child-process') {
    const reason = `TRIBUTARY_LAUNCHER is ${name ? `"${name}"` : 'not set'}`;
    throw new TributaryError('USAGE', { reason, advice: 'Set it to cloud-run or to child-process.' });
  }
  if (!limit) return { kind: 'child-process', ...local() };
  const maxProcesses = Number(limit);
  if (!Number.isInteger(maxProcesses) || maxProcesses < 1) {
    const reason = `TRIBUTARY_MAX_PROCESSES is "${limit}"`;
    throw new TributaryError('USAGE', { reason, advice: 'Set it to a whole number of at least 1.' });
  }
  return { kind: 'child-process', ...local(), maxProcesses };
}
