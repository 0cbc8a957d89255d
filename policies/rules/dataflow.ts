/** Dataflow. */
import { limit, type Resource, resourceRule } from '../rule.ts';

interface DataflowJob {
  readonly ipConfiguration?: string;
  readonly subnetwork?: string;
  readonly maxWorkers?: number;
  readonly enableStreamingEngine?: boolean;
}

const FLEX_TEMPLATE_JOB = 'gcp:dataflow/flexTemplateJob:FlexTemplateJob';

export const dataflowRules = [
  resourceRule({
    id: 'dataflow-private',
    level: 'mandatory',
    description: 'Workers have no public address and a bound, and no stack holds a batch job.',
    why: 'A finished batch job looks deleted, so every update would start it again.',
    fix: 'Launch batch jobs at run time; a streaming one sets WORKER_IP_PRIVATE, subnetwork, maxWorkers and enableStreamingEngine.',
    types: [FLEX_TEMPLATE_JOB, 'gcp:dataflow/job:Job'],
    settings: { workers: limit(20, 'Most workers of a job.') },
    *check({ props }: Resource<DataflowJob>, { settings }) {
      if (props.enableStreamingEngine !== true) yield 'is a batch job.';
      if (props.ipConfiguration !== 'WORKER_IP_PRIVATE') yield 'gives its workers public addresses.';
      if (!props.subnetwork) yield 'names no subnetwork.';
      const { maxWorkers } = props;
      if (maxWorkers === undefined) yield 'does not bound its workers.';
      else if (maxWorkers > settings.workers) yield `takes ${maxWorkers} workers; ${settings.workers} are allowed.`;
    },
  }),
];
