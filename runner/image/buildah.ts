/** Images without a daemon: buildah, which needs neither a network of containers nor a kernel's help here. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.ts';

export interface Buildah {
  /** @param dockerfile reads `BASE`; its files have no date, so that the same files are the same image */
  build(tag: string, dockerfile: string, context: string, options?: Readonly<Record<string, string>>): Promise<void>;
  /** Writes it, as in `oci-archive:/x.tar` or `docker://registry/name:tag`; its digest. */
  push(tag: string, destination: string, options?: readonly string[]): Promise<string>;
  /** Lends what is in it, to be looked at. */
  look<T>(tag: string, see: (folder: string) => T | Promise<T>): Promise<T>;
  /** What `buildah` says to any other command. */
  command(...parameters: readonly string[]): Promise<string>;
}

/** @param storage folder of all images and containers; a copy of each layer lies in it */
export function openBuildah(storage: string): Buildah {
  const command = (...parameters: readonly string[]) => run(['buildah', ...storageOptions(storage), ...parameters]);
  return {
    command,
    async build(tag, dockerfile, context, options = {}) {
      const given = Object.entries(options).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
      const fixed = ['--isolation', 'chroot', '--format', 'oci', '--timestamp', '0', '--pull=false', '--quiet'];
      await command('bud', ...fixed, ...given, '--file', dockerfile, '--tag', tag, context);
    },
    async push(tag, destination, options = []) {
      const file = join(storage, 'digest');
      await command('push', '--quiet', '--format', 'oci', '--digestfile', file, ...options, tag, destination);
      return readFileSync(file, 'utf8').trim();
    },
    async look(tag, see) {
      const container = (await command('from', '--pull-never', tag)).trim();
      try {
        return await see((await command('mount', container)).trim());
      } finally {
        await command('rm', container);
      }
    },
  };
}

export function storageOptions(storage: string): readonly string[] {
  const [layers, state] = [join(storage, 'layers'), join(storage, 'state')];
  return ['--storage-driver', 'vfs', '--root', layers, '--runroot', state];
}
