/**
 * An image as a platform runs it: its own files and nothing else, none of which can be written but `/tmp`, not root, no
 * way to become it. The network is this machine's.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** All that it wrote. */
  readonly text: string;
}

export interface Container {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Mounts are of a namespace that is gone with the process. `exec`: signals reach the process itself. */
const ENTER = `set -e
  root=$1; shift
  mount --bind "$root" "$root"
  mount --rbind /dev "$root/dev"
  mount -t proc proc "$root/proc"
  mount -o remount,bind,ro "$root"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  cd "$root"
  exec setpriv --no-new-privs chroot --userspec=65532:65532 --groups= "$root" "$@"`;

/** What starts a program of an image. @param folder the files of the image */
export function entering(folder: string, command: readonly [string, ...string[]]): [string, ...string[]] {
  return ['unshare', '--mount', '--propagation', 'private', '/bin/sh', '-c', ENTER, 'container', folder, ...command];
}

/** @param folder the files of the image */
export function startContainer(
  folder: string,
  command: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>> = {},
): Container {
  const [unshare, ...enter] = entering(folder, command);
  const child = spawn(unshare, enter, {
    env: { PATH: process.env.PATH ?? '', HOME: '/tmp', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  const ended = once(child, 'close').then(([code, signal]): Ended => ({ code, signal, text }));
  return { child, ended };
}
