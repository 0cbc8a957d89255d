/** npm test: all projects of vitest.config.ts, or what the arguments choose; the last line counts. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { countLine, type Report, tally } from './setup/tally.ts';

const root = join(import.meta.dirname, '..');
const given = process.argv.slice(2);
const projects = given.some((argument) => argument.startsWith('--project'))
  ? []
  : ['house', 'suites', 'e2e'].flatMap((project) => ['--project', project]);

const folder = mkdtempSync(join(tmpdir(), 'tributary-test-'));
const reportFile = join(folder, 'report.json');
try {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...projects, ...reporters, ...given], {
    cwd: root,
    stdio: 'inherit',
  });
  const result = tally(reportOf(reportFile));
  for (const { name, file } of result.skippedTests) console.log(`skipped: ${relative(root, file)}: ${name}`);
  const strict = process.env.CI === 'true';
  if (strict && result.skipped > 0) console.log('CI=true: a skipped test counts as a failure of this run.');
  if (result.passed + result.failed === 0) console.log('No test ran: this run fails.');
  const good = status === 0 && result.failed === 0 && result.passed > 0 && !(strict && result.skipped > 0);
  process.exitCode = good ? 0 : status || 1;
  console.log(countLine(result));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function reportOf(file: string): Report {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch {
    return { testResults: [] };
  }
}
