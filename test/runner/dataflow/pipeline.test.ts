import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TributaryError } from '../../../runner/core/errors.ts';
import { type BeamEnd, type BeamJob, startBeamJob } from '../../servers/beam.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { root } from '../../setup/ways.ts';
import { findBeam } from './beam/installed.ts';

const WORK = 'gs://bucket/acme/orders/r1/1/splits/work.json';
const extractor = [process.execPath, join(import.meta.dirname, 'extractor.ts')] as const;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-pipeline-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const environment = () => ({
  PLAN: join(folder, 'plan.json'),
  TRIBUTARY_SPLIT_PAUSE_SECONDS: '0.05',
  TRIBUTARY_SPLIT_SILENCE_SECONDS: '30',
  TRIBUTARY_SECRETS: '{"db":"hunter2"}',
});

function start(
  plan: Readonly<Record<string, readonly string[]>>,
  more: Readonly<Record<string, string>> = {},
): BeamJob {
  writeFileSync(join(folder, 'plan.json'), JSON.stringify(plan));
  return startBeamJob({ work: WORK, extractor, environment: { ...environment(), ...more } });
}

async function run(...given: Parameters<typeof start>): Promise<BeamEnd & { log: string }> {
  await using job = start(...given);
  return { ...(await job.wait()), log: job.log() };
}

function notes(): string {
  try {
    return readFileSync(join(folder, 'notes'), 'utf8');
  } catch {
    return '';
  }
}

const begun = (split: string) =>
  [...notes().matchAll(new RegExp(`begin ${split} (\\d+)`, 'g'))].map((one) => Number(one[1]));

async function until(state: () => boolean): Promise<void> {
  while (!state()) await sleep(20);
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** What a program of Python says that has imported the pipeline. */
function python(program: string): string {
  const head = `import gc, json, sys; sys.path.insert(0, 'runner/dataflow'); import pipeline\n`;
  const env = {
    ...process.env,
    ...environment(),
    PYTHONDONTWRITEBYTECODE: '1',
    TRIBUTARY_EXTRACTOR: JSON.stringify(extractor),
  };
  const made = spawnSync(findBeam() ?? '', ['-c', head + program], { cwd: root, env, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
  return made.stdout;
}

describeWith(['beam'], 'the pipeline', () => {
  test('a child that dies, says nothing, is refused or talks nonsense costs an attempt and never a count', async () => {
    const plan = {
      '00000': ['well'],
      '00001': ['dead', 'busy', 'well'],
      '00002': ['garbled'],
      '00003': ['mute', 'well'],
      '00004': ['stuck', 'well'],
    };
    const { log, ...end } = await run(plan, { TRIBUTARY_SPLIT_SILENCE_SECONDS: '8' });
    const counters = { rows: 50, bytes: 500, rejects: 5, splits: 5, retries: 4 };
    expect(end).toEqual({ state: 'done', counters, problem: null, restarts: 0 });
    expect(Object.keys(plan).map((split) => begun(split).length)).toEqual([1, 3, 1, 2, 2]);
    expect(log).toContain('split 00001 is tried again: SPLIT_DIED: Split 00001: signal SIGKILL.');
    expect(log).toContain('split 00001 is tried again: SOURCE_DENIED: Password');
    expect(log).toContain('split 00003 is tried again: SPLIT_DIED: Split 00003: exit code 0 and no result.');
    expect(log).toContain('split 00004 is tried again: SPLIT_SILENT: Split 00004: no sign of life for 8 s.');
    expect(log).toContain('split 00002: not understood: <html>502</html>');
    expect(log).toContain(`reads 00000 of ${WORK}`);
    expect(begun('00004').filter(alive)).toEqual([]);
  });

  test('what no attempt can save is tried once and fails the job with the entry of the catalogue', async () => {
    const { log, ...end } = await run({ '00000': ['denied'] });
    const words = { title: 'It was refused.', detail: 'Password "x" {no}.', fix: 'Ask.' };
    const problem = { code: 'SOURCE_DENIED', ...words, origin: 'source', retryable: false, split: '00000' };
    expect(end).toEqual({ state: 'failed', counters: {}, problem, restarts: 0 });
    expect(log).toContain('SOURCE_DENIED: It was refused. Password "x" {no}. Fix: Ask.');
    expect(begun('00000')).toHaveLength(1);
  });

  test('what is refused each time is given up after four attempts', async () => {
    const end = await run({ '00000': ['busy'] });
    expect(end).toMatchObject({ state: 'failed', problem: { code: 'SOURCE_DENIED', retryable: true, split: '00000' } });
    expect(begun('00000')).toHaveLength(4);
  });

  test('a worker that is killed takes its child along; its split is read by the next, and no finished one again', async () => {
    writeFileSync(join(folder, '00000.result'), '');
    await using job = start({ '00000': ['well'], '00001': ['slow'], '00002': ['slow'] });
    await until(() => begun('00001').length + begun('00002').length === 2);
    const [worker, ...others] = job.workers();
    expect(others).toHaveLength(1);
    const first = [...begun('00001'), ...begun('00002')];
    process.kill(worker ?? 0, 'SIGKILL');
    await until(() => !first.some(alive));
    await until(() => begun('00001').length + begun('00002').length === 4);
    writeFileSync(join(folder, 'go'), '');
    expect(await job.wait()).toEqual({
      state: 'done',
      counters: { rows: 20, bytes: 200, rejects: 2, splits: 2 },
      problem: null,
      restarts: 1,
    });
    expect(begun('00000')).toEqual([]);
  });

  test('a job that is ended leaves no process', async () => {
    await using job = start({ '00000': ['slow'], '00001': ['slow'] });
    await until(() => begun('00000').length + begun('00001').length === 2);
    const processes = [...job.workers(), ...begun('00000'), ...begun('00001')];
    expect(processes.filter(alive)).toHaveLength(4);
    await job.kill();
    await until(() => !processes.some(alive));
    expect(await job.wait()).toMatchObject({ state: 'cancelled' });
  });

  test('where all splits have results there is nothing to do; where they cannot be listed, it says why', async () => {
    expect(await run({})).toMatchObject({ state: 'done', counters: {} });
    const end = await run({ list: [] });
    expect(end).toMatchObject({ state: 'failed', problem: { code: 'SOURCE_DENIED', retryable: false } });
    expect(end.log).toContain('SOURCE_DENIED: It was refused.');
  });

  test('a worker remembers what no attempt can save: the same bundle again costs no child', () => {
    writeFileSync(join(folder, 'plan.json'), '{"00000":["denied"]}');
    const said = python(`
from apache_beam.internal import pickler
sent = pickler.dumps(pipeline.ExtractSplit('${WORK}'))
for bundle in range(3):
    step = pickler.loads(sent)
    step.setup()
    try:
        step.process('00000')
    except pipeline.SplitFailed as failure:
        print(str(failure).split(':')[0])
    step.teardown()
    del step
    gc.collect()
`);
    expect(said).toBe('SOURCE_DENIED\n'.repeat(3));
    expect(begun('00000')).toHaveLength(1);
  });

  test('what goes to the workers names the work and holds no secret', () => {
    writeFileSync(join(folder, 'plan.json'), '{"00000":["well"]}');
    const said = python(`
from apache_beam.internal.cloudpickle import cloudpickle
built = pipeline.build(['--work', '${WORK}', '--run', 'r1', '--source', 'orders'])
found = []
class Finder:
    def visit_transform(self, node): found.append(node.transform)
    def __getattr__(self, name): return lambda *all: True
built.visit(Finder())
[step] = [one.dofn for one in found if isinstance(getattr(one, 'dofn', None), pipeline.ExtractSplit)]
cloudpickle.register_pickle_by_value(pipeline)
whole = cloudpickle.dumps(step) + json.dumps(built.options.get_all_options(), default=str).encode()
print(json.dumps([text in whole.decode('latin1') for text in ['${WORK}', 'number_of_worker_harness_threads', 'hunter2']]))
`);
    expect(JSON.parse(said)).toEqual([true, true, false]);
  });

  test('its own failures are entries of the catalogue', () => {
    const said = JSON.parse(
      python(`print(json.dumps([pipeline.died('00012', 'signal SIGKILL'), pipeline.silent('00012', 120.0)]))`),
    );
    expect(said).toEqual([
      new TributaryError('SPLIT_DIED', { split: '00012', end: 'signal SIGKILL' }).problem,
      new TributaryError('SPLIT_SILENT', { split: '00012', seconds: 120 }).problem,
    ]);
  });
});
