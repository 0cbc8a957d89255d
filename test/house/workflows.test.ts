import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { root } from './tree.ts';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly if?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly 'timeout-minutes'?: number;
  readonly concurrency?: Concurrency;
  readonly strategy?: object;
  readonly steps: readonly Step[];
}

interface Concurrency {
  readonly group?: string;
  readonly 'cancel-in-progress'?: boolean;
}

interface Workflow {
  readonly name?: string;
  readonly on?: Readonly<Record<string, unknown>>;
  readonly permissions?: object;
  readonly concurrency?: Concurrency;
  readonly jobs: Readonly<Record<string, Job>>;
}

const workflows = globSync('.github/workflows/*.yml', { cwd: root }).map((file) => {
  const text = readFileSync(join(root, file), 'utf8');
  const document = parseDocument(text);
  return { file: basename(file), text, errors: document.errors, workflow: document.toJS() as Workflow };
});
const jobs = workflows.flatMap(({ file, workflow }) =>
  Object.entries(workflow.jobs).map(([name, job]) => ({ name: `${file} ${name}`, file, workflow, job })),
);
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
const commands = readFileSync(join(root, 'runner/commands/program.ts'), 'utf8');
const reports = readFileSync(join(root, 'stacks/report/main.ts'), 'utf8');

test('there are the three workflows', () => {
  expect(workflows.map(({ file }) => file).sort()).toEqual(['drift.yml', 'preview.yml', 'release.yml']);
});

test('every action is one commit, the same everywhere, and its release is named beside it', () => {
  const lines = workflows.flatMap(({ text }) => text.split('\n')).filter((line) => /\buses:/.test(line));
  const pinned = lines.map(
    (line) => /^ +- uses: ([\w-]+\/[\w/-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.exec(line)?.[1] ?? line,
  );
  expect(pinned.filter((action) => action.includes('uses:'))).toEqual([]);
  expect(new Set(lines.map((line) => line.trim())).size).toBe(new Set(pinned).size);
});

describe.each(workflows)('$file', ({ errors, workflow }) => {
  test('is YAML with a name, a trigger, and no permission for all', () => {
    expect(errors).toEqual([]);
    expect(workflow.name).toMatch(/^[a-z]+$/);
    expect(Object.keys(workflow.on ?? {})).not.toEqual([]);
    expect(workflow.permissions).toEqual({});
  });

  test('never runs code of a fork with rights of the repository', () => {
    expect(Object.keys(workflow.on ?? {})).not.toContain('pull_request_target');
    expect(Object.keys(workflow.on ?? {})).not.toContain('workflow_run');
  });
});

describe.each(jobs)('$name', ({ file, workflow, job }) => {
  test('has least rights and an end', () => {
    const writes = Object.entries(job.permissions ?? {}).filter(([, right]) => right === 'write');
    expect(job.permissions?.contents).toBe('read');
    expect(writes.length).toBeLessThanOrEqual(1);
    expect(job['timeout-minutes']).toBeGreaterThan(0);
  });

  test('with an identity of the cloud: not for forks, never cancelled midway', () => {
    if (job.permissions?.['id-token'] !== 'write') return expect(JSON.stringify(job.steps)).not.toContain('/auth@');
    if (file === 'preview.yml') {
      expect(job.if).toContain('github.event.pull_request.head.repo.full_name == github.repository');
      expect(job.concurrency?.group).toContain('matrix.stack');
    }
    expect((job.concurrency ?? workflow.concurrency)?.['cancel-in-progress']).toBe(false);
  });

  test('uses pinned actions and leaves no token behind', () => {
    for (const { uses, with: given } of job.steps) {
      if (uses === undefined) continue;
      expect(uses).toMatch(/^[\w-]+\/[\w/-]+@[0-9a-f]{40}$/);
      if (uses.startsWith('actions/checkout@')) expect(given?.['persist-credentials']).toBe(false);
    }
  });

  test('runs only programs of this repository, and no text of others as code', () => {
    for (const { run } of job.steps) {
      if (run === undefined) continue;
      expect(run).not.toContain('${{');
      expect(run).not.toContain('\n');
      const [, script, command] = /^npm (?:run )?(?:--silent )?([\w:]+)|^npx tributary ([a-z]+) /.exec(run) ?? [];
      if (command !== undefined) expect(commands).toMatch(new RegExp(`(?:ommand\\(\\s*)'${command}\\b`));
      else if (script !== 'ci') expect(Object.keys(scripts)).toContain(script);
      const [, report] = /^npm run --silent report -- (\w+)/.exec(run) ?? [];
      if (report !== undefined) expect(reports).toMatch(new RegExp(`^  (?:async )?${report}\\(`, 'm'));
    }
  });
});
