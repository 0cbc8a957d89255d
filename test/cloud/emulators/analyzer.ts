/** Google's own analyzer over the SQL we generate. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findEmulators } from './installed.ts';

export interface AnalyzerCatalog {
  /** `project.dataset.table` → column → type in GoogleSQL, as in `ARRAY<JSON>`. */
  readonly tables?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Named parameters and their types. */
  readonly parameters?: Readonly<Record<string, string>>;
}

export interface Analyzer extends AsyncDisposable {
  /**
   * Analyses a script as BigQuery would before it runs it; what the script creates or alters, its later statements see.
   *
   * @returns the kinds of its statements, as in `['Declare', 'BeginStmt', 'MergeStmt', 'CommitStmt']`
   * @throws an Error with the analyzer's message and place, and the script
   */
  analyze(sql: string, catalog?: AnalyzerCatalog): Promise<readonly string[]>;
  stop(): Promise<void>;
}

type Answer = { readonly statements: readonly string[] } | { readonly error: string };

/** One process answers any number of requests, some milliseconds each. */
export function startAnalyzer(): Analyzer {
  const emulators = findEmulators();
  if (emulators === null) throw new Error('The emulators are missing: npm run setup -- --yes');
  const env = { ...process.env, HOME: emulators.home, PYTHONDONTWRITEBYTECODE: '1' };
  const script = join(import.meta.dirname, 'analyzer.py');
  const child = spawn(emulators.python, [script], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const waiting: { done: (answer: Answer) => void; fail: (error: Error) => void }[] = [];
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
  });
  child.stdin.on('error', () => {});
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.done(JSON.parse(line) as Answer));
  const gone = new Promise<void>((done) => {
    child.once('close', (code) => {
      for (const { fail } of waiting.splice(0)) fail(new Error(`The analyzer ended (${code}):\n${said}`));
      done();
    });
  });
  const ask = (request: object) =>
    new Promise<Answer>((done, fail) => {
      if (child.exitCode !== null) return fail(new Error(`The analyzer has ended:\n${said}`));
      waiting.push({ done, fail });
      child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  const stop = () => {
    child.stdin.end();
    return gone;
  };
  return {
    async analyze(sql, catalog = {}) {
      const answer = await ask({ sql, ...catalog });
      if ('error' in answer) throw new Error(`${answer.error}\n${sql}`);
      return answer.statements;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
