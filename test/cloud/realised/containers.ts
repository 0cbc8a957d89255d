/** What an image is on this machine: a process of this checkout, with the environment of its container and no other. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChildServer, freePort, newFolder, startChild } from '../../servers/child.ts';
import { root } from '../../setup/ways.ts';
import { CloudError } from '../errors.ts';
import type { CloudResource } from '../store.ts';
import { isObject, type Properties, stringAt, valuesAt } from '../values.ts';

/** Programs of this checkout by the last part of an image's name. */
export type Programs = Readonly<Record<string, string>>;

export const PROGRAMS: Programs = {
  webhook: join(root, 'webhook/server.ts'),
  runner: join(root, 'runner/main.ts'),
};

/** What `docker run` of this image would start. */
export function commandOf(image: string, programs: Programs): readonly [string, ...string[]] {
  const [, name = ''] = /\/([^/@:]+)(?:[:@].*)?$/.exec(image) ?? [];
  const program = programs[name];
  if (program === undefined) throw new CloudError(400, `Image '${image}' not found.`);
  return [process.execPath, program];
}

/** What a stack says of the one container of a service (`template`) or a job (`template.template`). */
export function containerOf(resource: CloudResource, at: string) {
  const [container] = valuesAt(resource.inputs, `${at}.containers.*`).map(({ value }) => value as Properties);
  if (container === undefined) throw new CloudError(400, `${resource.id} has no container`);
  const variables = valuesAt(container, 'envs.*').flatMap(({ value }) => (isObject(value) ? [value] : []));
  return {
    image: stringAt(container, 'image') ?? '',
    account: stringAt(resource.inputs, `${at}.serviceAccount`) ?? '',
    probe: stringAt(container, 'startupProbe.httpGet.path') ?? '/',
    environment: Object.fromEntries(variables.map(({ name, value }) => [`${name}`, `${value ?? ''}`])),
  };
}

/** What every container has, whatever its stack says. */
export const BASE: Readonly<Record<string, string>> = {
  PATH: process.env.PATH ?? '',
  HOME: '/tmp',
  ...(process.env.NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
};

export interface ServiceContainer extends ChildServer {
  /** As in `http://127.0.0.1:8080`. */
  readonly url: string;
  /** As Cloud Run ends one: asks, and ends it ten seconds later. */
  retire(): Promise<void>;
}

const GRACE_MS = 10_000;

export interface ServiceStart {
  /** As in `tributary-webhook`. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
  /** Path of its startup probe. */
  readonly probe: string;
}

/** Starts it and waits for its startup probe. */
export async function startService({ name, command, environment, probe }: ServiceStart): Promise<ServiceContainer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const all = { ...BASE, ...environment, PORT: `${port}`, K_SERVICE: name, K_REVISION: `${name}-00001` };
  const variables = Object.entries(all).map(([variable, value]) => `${variable}=${value}`);
  const child = await startChild(
    {
      name,
      // Nothing of this process: a container has its own environment only.
      run: ['/usr/bin/env', '-i', ...variables, ...command],
      seconds: 120,
      ready: () => answers(`${url}${probe}`),
    },
    await newFolder('service'),
  );
  return {
    ...child,
    url,
    async retire() {
      process.kill(child.pid, 'SIGTERM');
      for (const end = Date.now() + GRACE_MS; Date.now() < end && alive(child.pid); ) await sleep(50);
      await child.stop();
    },
  };
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
