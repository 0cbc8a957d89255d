/** The Pulumi CLI as a person types it: programs and policy packs start as Pulumi.yaml and PulumiPolicy.yaml say. */
import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import type { Cloud } from './harness.ts';
import { writeLanguageHost } from './launchers.ts';

export interface Ended {
  readonly code: number | null;
  /** Both outputs, as a terminal shows them. */
  readonly text: string;
  readonly stdout: string;
}

export class Cli {
  /** Where it is called. */
  readonly folder: string;
  readonly #environment: NodeJS.ProcessEnv;

  /** @param environment on top of the cloud's own; undefined takes a variable away */
  constructor(cloud: Cloud, folder: string, environment: NodeJS.ProcessEnv = {}) {
    this.folder = folder;
    const host = join(cloud.folder, 'language');
    writeLanguageHost(host);
    const path = [host, dirname(process.execPath), cloud.environment.PATH].join(delimiter);
    this.#environment = { ...process.env, ...cloud.environment, PATH: path, ...environment };
  }

  pulumi(...args: readonly string[]): Promise<Ended> {
    return this.run('pulumi', ...args, '--non-interactive', '--color', 'never');
  }

  run(program: string, ...args: readonly string[]): Promise<Ended> {
    const child = spawn(program, args, { cwd: this.folder, env: this.#environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let [text, stdout] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      stdout += part;
    });
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    return new Promise((done, fail) => {
      child.once('error', fail);
      child.once('close', (code) => done({ code, text, stdout }));
    });
  }
}
