/**
 * npm run report -- <what>: what CI says about stacks.
 *
 * - `affected --base <commit> [--head <commit>]` prints `{stacks, removed, why}`
 * - `comment <previews.json…> [--pull <number>] [--note <text>] [--stacks <json>] [--labels <json>]` writes the one
 *   comment of the pull request (without `--pull` to standard output); `--stacks`: of these there must be a preview;
 *   a label `approved: data` or `approved: access` accepts that risk; exit 0 go on, 2 mend, 4 needs an approval
 * - `digest <preview.json>` prints the digest that `tributary up --approve` takes
 * - `drift <refresh.json…> [--publish]` keeps one issue per stack; exit 4 where somebody was granted something
 *
 * `--outputs <file>` writes what is printed as outputs of a step, too.
 * GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL are those of GitHub Actions.
 */
import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { affected, changedFiles, mergeBase, tenantsAt } from './affected.ts';
import { renderComment } from './comment.ts';
import { driftIssue, isUrgent } from './drift.ts';
import { type Repository, syncDriftIssue, upsertComment } from './github.ts';
import { digestIn, driftResults, missingResults, previewResults } from './results.ts';
import { approvalsIn, exitCodeOf, worstRisk } from './risk.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    base: { type: 'string' },
    head: { type: 'string', default: 'HEAD' },
    pull: { type: 'string' },
    note: { type: 'string' },
    stacks: { type: 'string', default: '[]' },
    labels: { type: 'string', default: '[]' },
    outputs: { type: 'string' },
    publish: { type: 'boolean', default: false },
  },
});
const [what, ...files] = positionals;

const commands: Readonly<Record<string, () => number | Promise<number>>> = {
  affected() {
    const { base, head } = values;
    if (base === undefined) return usage('affected needs --base <commit>');
    const folder = process.cwd();
    const parted = mergeBase(folder, base, head);
    const found = affected(changedFiles(folder, base, head), tenantsAt(folder, parted), tenantsAt(folder, head));
    console.log(JSON.stringify(found));
    output({ stacks: JSON.stringify(found.stacks), why: found.why });
    return 0;
  },

  async comment() {
    const given = previewResults(files);
    const results = [...given, ...missingResults(JSON.parse(values.stacks) as string[], given)];
    const body = renderComment(results, values.note === undefined ? {} : { note: values.note });
    if (values.pull === undefined) console.log(body);
    else console.error(`comment ${await upsertComment(repository(), Number(values.pull), body)}`);
    const risk = worstRisk(results);
    console.error(`risk: ${risk}`);
    return exitCodeOf(risk, approvalsIn(JSON.parse(values.labels) as string[]));
  },

  digest() {
    const digest = digestIn(files[0] ?? '');
    if (digest !== undefined) console.log(digest);
    output({ digest: digest ?? '' });
    return digest === undefined ? usage('digest needs the file of a preview that succeeded') : 0;
  },

  async drift() {
    const results = driftResults(files);
    for (const result of results) {
      if (result.error !== undefined) console.error(`${result.stack}: not looked at: ${result.error}`);
      else if (values.publish) console.error(`${result.stack}: ${await syncDriftIssue(repository(), result)}`);
      else console.log(driftIssue(result)?.body ?? `${result.stack}: no drift`);
    }
    if (results.some(isUrgent)) return 4;
    return results.some(({ error }) => error !== undefined) ? 2 : 0;
  },
};

/** https://docs.github.com/actions/reference/workflow-commands-for-github-actions: one line each. */
function output(named: Readonly<Record<string, string>>): void {
  const lines = Object.entries(named).map(([name, value]) => `${name}=${value.replace(/\s+/g, ' ')}\n`);
  if (values.outputs !== undefined) appendFileSync(values.outputs, lines.join(''));
}

function repository(): Repository {
  const { GITHUB_TOKEN: token, GITHUB_REPOSITORY: name, GITHUB_API_URL: api = 'https://api.github.com' } = process.env;
  if (!token || !name) throw new Error('GITHUB_TOKEN and GITHUB_REPOSITORY must be set, as GitHub Actions does.');
  return { api, name, token };
}

function usage(reason: string): number {
  console.error(`${reason}\nUsage: npm run report -- affected | comment | digest | drift (see stacks/report/main.ts)`);
  return 1;
}

const command = commands[what ?? ''];
process.exitCode = await (command === undefined ? usage(`There is no ${what ?? 'command'}.`) : command());
