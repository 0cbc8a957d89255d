/** Datasets and tables. */
import { meets } from '../../tenants/checks/place.ts';
import { stagingDataset } from '../../tenants/naming.ts';
import { list, matchesAny, type Resource, resourceRule } from '../rule.ts';
import { CLOUD_RUN_JOB } from './run.ts';

/** Inputs of `gcp:bigquery/dataset:Dataset`. */
export interface DatasetInputs {
  readonly datasetId?: string;
  readonly location?: string;
  readonly deleteContentsOnDestroy?: boolean;
  readonly defaultTableExpirationMs?: number;
  readonly defaultEncryptionConfiguration?: { readonly kmsKeyName?: string };
}

interface TableInputs {
  readonly tableId?: string;
  readonly view?: object;
  readonly materializedView?: object;
  readonly externalDataConfiguration?: object;
  readonly timePartitioning?: object;
  readonly rangePartitioning?: object;
  readonly requirePartitionFilter?: boolean;
  readonly deletionProtection?: boolean;
}

export const DATASET = 'gcp:bigquery/dataset:Dataset';

export const bigqueryRules = [
  resourceRule({
    id: 'dataset-location',
    level: 'mandatory',
    description: 'The data of a tenant lies where its file says, and its jobs run beside it.',
    why: 'A location cannot be changed later, and datasets of two locations cannot meet in one query.',
    fix: 'Pass the `location` and `region` of the tenant file on.',
    types: [DATASET, CLOUD_RUN_JOB],
    settings: { locations: list([], 'Allowed locations; none: every one that the tenant file names.') },
    *check({ type, props }: Resource<DatasetInputs>, { stack, settings }) {
      const { location = 'US' } = props;
      const wanted = stack.spec?.location;
      if (type !== DATASET) {
        if (wanted && !meets(wanted, location)) yield `runs in ${location}; its data lies in ${wanted}.`;
        return;
      }
      if (settings.locations.length > 0 && !settings.locations.includes(location))
        yield `lies in ${location}; allowed: ${settings.locations.join(', ')}.`;
      if (wanted && wanted.toUpperCase() !== location.toUpperCase())
        yield `lies in ${location}; the tenant file says ${wanted}.`;
    },
  }),
  resourceRule({
    id: 'dataset-delete-safety',
    level: 'mandatory',
    description: 'A dataset that holds rows or evidence cannot be deleted by a stack.',
    why: 'One wrong line would delete what cannot be loaded again.',
    fix: 'Set protect, and leave deleteContentsOnDestroy out. To offboard: a waiver, then protection.data false.',
    types: [DATASET],
    *check({ props, opts }: Resource<DatasetInputs>, { stack }) {
      const guarded = stack.env === 'prod' || stack.spec?.protection.data !== false;
      if (!guarded || props.datasetId === stagingDataset(stack.tenant)) return;
      if (props.deleteContentsOnDestroy === true) yield 'deletes its tables with itself (deleteContentsOnDestroy).';
      if (!opts.protect) yield 'is not protected.';
    },
  }),
  resourceRule({
    id: 'dataset-staging-ttl',
    level: 'advisory',
    description: 'Staging expires, everything else does not.',
    why: 'A killed run leaves tables behind; rows that expire by themselves are lost rows.',
    fix: 'Set defaultTableExpirationMs on the staging dataset, and on no other.',
    types: [DATASET],
    *check({ props }: Resource<DatasetInputs>, { stack }) {
      const staging = props.datasetId === stagingDataset(stack.tenant);
      const expires = props.defaultTableExpirationMs !== undefined;
      if (staging && !expires) yield 'keeps the tables of killed runs for ever.';
      if (!staging && expires) yield 'lets its tables expire.';
    },
  }),
  resourceRule({
    id: 'table-partitioned',
    level: 'advisory',
    description: 'A table is partitioned, asks for a filter where it is large, and is guarded in production.',
    why: 'A query of one day pays for the whole table otherwise.',
    fix: 'Set timePartitioning or rangePartitioning, requirePartitionFilter for large ones, deletionProtection.',
    types: ['gcp:bigquery/table:Table'],
    settings: { large: list([], 'Tables that must ask for a filter on the partition; `*` stands for anything.') },
    *check({ props }: Resource<TableInputs>, { stack, settings }) {
      if (props.view ?? props.materializedView ?? props.externalDataConfiguration) return;
      if (!props.timePartitioning && !props.rangePartitioning) yield 'is not partitioned.';
      if (matchesAny(props.tableId ?? '', settings.large) && props.requirePartitionFilter !== true)
        yield 'is large and answers queries without a filter on the partition.';
      if (stack.env === 'prod' && props.deletionProtection === false) yield 'may be deleted in production.';
    },
  }),
];
