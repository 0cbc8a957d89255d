/** BigQuery's failures as the source tells a person. */
import { BigqueryFailure, isDenied, isNotFound, isQuota, permissionOf, sentence } from '../../bigquery/failure.ts';
import type { Code, Facts } from '../../core/catalogue.ts';
import { TributaryError } from '../../core/errors.ts';

/** What the messages may name. */
export interface Named extends Facts {
  readonly tenant: string;
  readonly connection: string;
  /** Project of the data. */
  readonly project: string;
  /** Project that pays. */
  readonly billed: string;
  /** What is being read: `dataset.table` or "the query". */
  readonly object: string;
}

/** The entry of the catalogue for a failure that is final. */
export function sourceProblem(error: unknown, facts: Named): unknown {
  if (!(error instanceof BigqueryFailure)) return error;
  const [code, more] = entryOf(error, facts);
  return new TributaryError(code, { ...facts, ...error.tried, ...more }, { cause: error });
}

function entryOf(error: BigqueryFailure, facts: Named): readonly [Code, Facts] {
  const { kind, status, reason, message } = error.failure;
  const said = `${sentence(message)}.`;
  if (reason === 'authError' || status === 401) {
    return ['SOURCE_CREDENTIALS', { source: 'BigQuery', reason: sentence(message) }];
  }
  if (reason === 'bytesBilledLimitExceeded') return ['SOURCE_COST', { reason: said }];
  if (/require.*partition|without a filter over column/i.test(message)) {
    const column = /column\(s\) '([^']+)'/.exec(message)?.[1]?.split("', '")[0] ?? 'its partition column';
    return ['SOURCE_PARTITION_FILTER', { column }];
  }
  if (isDenied(error)) return ['SOURCE_PERMISSION', denied(message, facts)];
  if (/not found in location/i.test(message)) {
    const location = /location ([\w-]+)/i.exec(message)?.[1] ?? 'another location';
    return ['SOURCE_LOCATION', { found: location, reason: said }];
  }
  if (isNotFound(error)) return ['SOURCE_OBJECT_MISSING', {}];
  if (isQuota(reason) || status === 429) return ['SOURCE_BUSY', { reason: sentence(message) }];
  if (kind === 'transient')
    return ['SOURCE_UNREACHABLE', { host: 'bigquery.googleapis.com', port: 443, reason: sentence(message) }];
  if (reason === 'invalidQuery' || status === 400) return ['SOURCE_QUERY_INVALID', { reason: said }];
  return ['SOURCE_FAILED', { reason: said }];
}

/** Which role is missing, where, and the command that grants it. */
function denied(message: string, { project, billed, object }: Named): Facts {
  const { permission } = permissionOf(message);
  const user = 'of the runner';
  if (permission === 'bigquery.jobs.create') {
    const grant = `gcloud projects add-iam-policy-binding ${billed} --member=serviceAccount:<runner> --role=roles/bigquery.jobUser`;
    return { user, object: `jobs in ${billed}`, grant };
  }
  if (permission?.startsWith('bigquery.readsessions.') === true) {
    const grant = `gcloud projects add-iam-policy-binding ${billed} --member=serviceAccount:<runner> --role=roles/bigquery.readSessionUser`;
    return { user, object: `${object} through the Storage Read API`, grant };
  }
  const dataset = object.split('.')[0] ?? object;
  const grant = `GRANT \`roles/bigquery.dataViewer\` ON SCHEMA \`${project}.${dataset}\` TO "serviceAccount:<runner>";`;
  return { user, object: permission === undefined ? object : `${object} (${permission} is missing)`, grant };
}
