/** `node runner/main.ts extract-split` and its like, as what distributes splits starts them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Problem } from '../../../runner/core/errors.ts';

export interface Said {
  readonly progress?: { readonly rows: number; readonly bytes: number; readonly rejected: number };
  readonly done?: { readonly rows: number; readonly bytes: number; readonly rejected: number; readonly again: boolean };
  readonly problem?: Problem;
  readonly splits?: readonly string[];
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** All lines, in order. */
  readonly said: readonly Said[];
  /** All of them and the log, as text. */
  readonly text: string;
}

export interface Child {
  readonly process: ChildProcess;
  /** Resolves with the first line. */
  readonly begun: Promise<void>;
  readonly ended: Promise<Ended>;
}

export type Environment = Readonly<Record<string, string>>;

const MAIN = join(import.meta.dirname, '../../../runner/main.ts');

/** @param question the first line of its input, which stays open */
export function startChild(word: string, question: string, environment: Environment): Child {
  const { PATH = '', HOME = '', TMPDIR } = process.env;
  const env = { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), ...environment };
  const child = spawn(process.execPath, [MAIN, ...(word === '' ? [] : [word])], { env, stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  child.stdin.write(`${question}\n`);
  const said: Said[] = [];
  let text = '';
  const begun = Promise.withResolvers<void>();
  child.stderr.on('data', (bytes) => {
    text += bytes;
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    text += `${line}\n`;
    said.push(JSON.parse(line) as Said);
    begun.resolve();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => {
      begun.resolve();
      resolve({ code, signal, said, text });
    });
  });
  return { process: child, begun: begun.promise, ended };
}

/** @returns how it ended */
export async function ask(word: string, question: object | string, environment: Environment): Promise<Ended> {
  const line = typeof question === 'string' ? question : JSON.stringify(question);
  return await startChild(word, line, environment).ended;
}
