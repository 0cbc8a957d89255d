/** What Dataflow says of a job → how it is, how far, and why it ended. Pure. */
import { catalogue } from '../../core/catalogue.ts';
import type { SplitProgress } from '../../core/contracts/splits.ts';
import { type Problem, TributaryError } from '../../core/errors.ts';
import type { DataflowJob, DataflowMessage, DataflowMetric, DataflowStage } from './client.ts';

/** After these nothing happens any more. */
const ENDED: ReadonlySet<string> = new Set([
  'JOB_STATE_DONE',
  'JOB_STATE_FAILED',
  'JOB_STATE_CANCELLED',
  'JOB_STATE_UPDATED',
  'JOB_STATE_DRAINED',
]);
const STATES: Readonly<Record<string, SplitProgress['state']>> = {
  JOB_STATE_QUEUED: 'queued',
  JOB_STATE_PENDING: 'starting',
  JOB_STATE_STOPPED: 'starting',
  JOB_STATE_CANCELLING: 'cancelling',
  JOB_STATE_DRAINING: 'cancelling',
};

export function hasEnded({ currentState }: DataflowJob): boolean {
  return ENDED.has(currentState);
}

/** A state that this version does not know goes on. */
export function stateOf(job: DataflowJob): SplitProgress['state'] {
  return hasEnded(job) ? 'ended' : (STATES[job.currentState] ?? 'running');
}

export type Counts = Pick<SplitProgress, 'rows' | 'bytes' | 'rejected' | 'splits'>;

/** Each counter comes twice, committed and tentative: the first is preferred, they are never added. */
export function countsOf(metrics: readonly DataflowMetric[]): Counts {
  const count = (...names: readonly string[]) => {
    const own = metrics.filter(({ name }) => name.origin === 'user' && names.includes(name.name));
    const committed = own.filter(({ name }) => !name.context?.tentative);
    const sum = (all: readonly DataflowMetric[]) => all.reduce((total, { scalar }) => total + (Number(scalar) || 0), 0);
    return committed.length > 0 ? sum(committed) : sum(own);
  };
  return {
    rows: count('rows'),
    bytes: count('bytes'),
    rejected: count('rejects', 'rejected'),
    splits: count('splits'),
  };
}

/** Of the stage that is the least far; absent where none says. */
export function shareOf(stages: readonly DataflowStage[]): Pick<SplitProgress, 'share'> {
  const shares = stages.flatMap(({ state, progress }) =>
    progress?.currentProgress === undefined && state === undefined
      ? []
      : [state === 'EXECUTION_STATE_SUCCEEDED' ? 1 : (progress?.currentProgress ?? 0)],
  );
  return shares.length === 0 ? {} : { share: Math.min(1, Math.max(0, Math.min(...shares))) };
}

/** What the pipeline writes before a problem, in the words of what it throws. */
const MARK = 'TRIBUTARY_PROBLEM ';
const QUOTA = /quota[_ ]?exceeded|quota '?[\w.-]+'? exceeded|exceeded (?:your |the )?quota|resource_exhausted/i;
const MEMORY = /out of memory|\boom\b|memory pressure|memory limit|workers? .*ran out of memory/i;
const DISK = /no space left on device|out of disk|disk (?:is )?full/i;
const DENIED =
  /permission[_ ]denied|permission '?[\w.]+'? denied|does not have [\w.]+ access|required '?[\w.]+'? permission/i;
const LAUNCHER = /launcher|template launch failed|error occurred in the launcher container/i;

/** Permissions of the account of the workers, and the role that holds each. */
const ROLES: readonly (readonly [RegExp, string])[] = [
  [/storage\.(?:objects|buckets)\./, 'roles/storage.objectAdmin on the staging bucket'],
  [/secretmanager\./, 'roles/secretmanager.secretAccessor on the secrets of the connection'],
  [/artifactregistry\./, 'roles/artifactregistry.reader on the repository of the image'],
  [/compute\.subnetworks\.use/, 'roles/compute.networkUser on the subnetwork'],
  [/datastore\./, 'roles/datastore.viewer'],
  [/dataflow\./, 'roles/dataflow.worker'],
];

/**
 * Why a job failed.
 *
 * @param began whether workers have begun
 */
export function failureOf(
  { id }: DataflowJob,
  messages: readonly DataflowMessage[],
  began: boolean,
  link: string,
): TributaryError {
  const errors = messages.filter(({ messageImportance }) => messageImportance === 'JOB_MESSAGE_ERROR');
  const texts = (errors.length > 0 ? errors : messages).map(({ messageText }) => messageText);
  const own = problemsIn(messages);
  const [first] = [...own.filter(({ retryable }) => !retryable), ...own];
  if (first !== undefined) return TributaryError.from(first);
  const saying = (pattern: RegExp) => texts.find((text) => pattern.test(text));
  const facts = (text: string) => ({ job: id, reason: sentence(text), link });
  const quota = saying(QUOTA);
  if (quota !== undefined) return new TributaryError('DATAFLOW_QUOTA', facts(quota));
  const memory = saying(MEMORY);
  if (memory !== undefined) return new TributaryError('DATAFLOW_OUT_OF_MEMORY', facts(memory));
  const disk = saying(DISK);
  if (disk !== undefined) return new TributaryError('DATAFLOW_OUT_OF_DISK', facts(disk));
  const denied = saying(DENIED);
  if (denied !== undefined) {
    const role = ROLES.find(([permission]) => permission.test(denied))?.[1];
    return new TributaryError('DATAFLOW_DENIED', { ...facts(denied), who: 'the account of the workers', role });
  }
  const text = saying(LAUNCHER) ?? texts.at(-1);
  if (!began) return new TributaryError('DATAFLOW_LAUNCHER_FAILED', facts(text ?? 'Nothing'));
  return new TributaryError('DATAFLOW_FAILED', facts(texts.at(-1) ?? 'Dataflow does not say why'));
}

/** What no further attempt can help; Dataflow would try it again all the same. */
export function hopelessIn(messages: readonly DataflowMessage[]): TributaryError | null {
  const found = problemsIn(messages).find(({ retryable }) => !retryable);
  return found === undefined ? null : TributaryError.from(found);
}

function problemsIn(messages: readonly DataflowMessage[]): readonly Problem[] {
  return messages.flatMap(({ messageText }) => problemIn(messageText) ?? []);
}

/** The extractor's own words in the words of a worker; what Dataflow and Python write around them is unknown. */
function problemIn(text: string): Problem | null {
  const start = text.indexOf(MARK) + MARK.length;
  if (start < MARK.length) return null;
  for (let end = text.indexOf('}', start); end >= 0; end = text.indexOf('}', end + 1)) {
    const problem = parsed(text.slice(start, end + 1));
    if (problem !== null) return problem;
  }
  return null;
}

function parsed(json: string): Problem | null {
  try {
    const { code, detail, fix, title, origin, retryable } = JSON.parse(json) as Problem;
    if (!Object.hasOwn(catalogue, code) || typeof detail !== 'string' || typeof fix !== 'string') return null;
    const entry = catalogue[code];
    return {
      ...{ code, detail, fix },
      title: typeof title === 'string' ? title : entry.title,
      origin: origin ?? entry.origin,
      retryable: retryable ?? entry.retryable,
    };
  } catch {
    return null;
  }
}

/** The catalogue's sentence has its own full stop. */
export function sentence(text: string): string {
  return text.replace(/\s+/g, ' ').trim().replace(/\.$/, '').slice(0, 500);
}
