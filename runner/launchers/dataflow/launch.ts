/** What Dataflow is asked to launch. Pure. */
import { DATAFLOW_FOLDER, dataflowJob } from '../../../tenants/naming.ts';
import type { SplitJob } from '../../core/contracts/splits.ts';
import { tokenOf } from '../../core/split-jobs.ts';

export interface LaunchSettings {
  readonly project: string;
  readonly region: string;
  /** The specification of the template: `gs://acme-data-trb-acme-staging/templates/dataflow.json`. */
  readonly template: string;
  /** Address of the account that the workers run as. */
  readonly account: string;
  /** `regions/europe-west1/subnetworks/tributary`; absent: the default network. */
  readonly subnetwork?: string;
  /** What the jobs themselves put somewhere goes into this bucket. */
  readonly bucket: string;
  /** @default e2-standard-2 */
  readonly machine?: string;
  readonly labels: Readonly<Record<string, string>>;
}

export const MACHINE = 'e2-standard-2';

/** One split at a time on each worker: so many workers are so many connections to the source. */
const ONE_AT_A_TIME = {
  additionalExperiments: ['no_use_multiple_sdk_containers'],
  additionalPipelineOptions: ['number_of_worker_harness_threads=1'],
};

export function nameOf(job: SplitJob): string {
  return dataflowJob(job.run.tenant, job.run.source, job.run.runId, tokenOf(job));
}

/** What a template may ask for. Names and addresses only; no secret. */
export function knownParameters(job: SplitJob): Readonly<Record<string, string>> {
  const { run, work } = job;
  return { run: run.runId, source: run.source, work, workers: `${workersOf(job)}` };
}

export function launchOf(
  job: SplitJob,
  settings: LaunchSettings,
  parameters: Readonly<Record<string, string>>,
): object {
  const { bucket, subnetwork, region } = settings;
  const folder = `gs://${bucket}/${DATAFLOW_FOLDER}`;
  const workers = workersOf(job);
  return {
    jobName: nameOf(job),
    containerSpecGcsPath: settings.template,
    parameters,
    environment: {
      ...{ serviceAccountEmail: settings.account, machineType: settings.machine ?? MACHINE },
      ...{ tempLocation: `${folder}temp`, stagingLocation: `${folder}staging` },
      ...{ numWorkers: workers, maxWorkers: workers, workerRegion: region },
      ipConfiguration: 'WORKER_IP_PRIVATE',
      ...(subnetwork === undefined ? {} : { subnetwork }),
      ...ONE_AT_A_TIME,
      additionalUserLabels: {
        ...settings.labels,
        source: labelSafe(job.run.source),
        run_id: labelSafe(job.run.runId),
        fencing_token: `${tokenOf(job)}`,
      },
    },
  };
}

/** More workers than splits would only wait. */
export function workersOf({ workers, splits }: SplitJob): number {
  return Math.max(1, Math.min(workers, splits));
}

function labelSafe(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '_')
    .slice(0, 63);
}
