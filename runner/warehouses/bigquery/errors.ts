/** BigQuery's failures as the warehouse tells a person. */
import {
  BigqueryFailure,
  CONFLICT,
  type Failure,
  isDenied,
  isQuota,
  permissionOf,
  sentence,
} from '../../bigquery/failure.ts';
import type { Code, Facts } from '../../core/catalogue.ts';
import { TributaryError } from '../../core/errors.ts';

/** What the caller knows beside the failure. */
export interface ProblemFacts extends Facts {
  readonly tenant: string;
  readonly table?: string;
}

/** The entry of the catalogue for a failure that is final. */
export function bigqueryProblem(error: unknown, facts: ProblemFacts): unknown {
  if (!(error instanceof BigqueryFailure)) return error;
  const { failure } = error;
  const [code, more] = entryOf(failure, isDenied(error));
  const reason = sentence(failure.message);
  const table = facts.table ?? /against table (?:[\w-]+[:.])?([\w-]+\.\w+)/.exec(failure.message)?.[1] ?? 'a table';
  return new TributaryError(code, { reason, table, ...error.tried, ...facts, ...more }, { cause: error });
}

function entryOf({ kind, status, reason, message }: Failure, denies: boolean): readonly [Code, Facts] {
  if (reason === 'authError' || status === 401) return ['WAREHOUSE_CREDENTIALS', { warehouse: 'BigQuery' }];
  if (reason === 'bytesBilledLimitExceeded') return ['BRAKE_COST', {}];
  if (CONFLICT.test(message)) return ['WAREHOUSE_CONFLICT', {}];
  if (isQuota(reason) || status === 429) return ['WAREHOUSE_QUOTA', {}];
  if (denies) return ['WAREHOUSE_DENIED', denied(message)];
  if (kind === 'transient') return ['WAREHOUSE_UNREACHABLE', {}];
  return ['WAREHOUSE_FAILED', {}];
}

const ROLES: readonly (readonly [RegExp, string])[] = [
  [/^bigquery\.jobs\./, 'roles/bigquery.jobUser on the project'],
  [/^bigquery\.(?:rowAccessPolicies|datasets\.(?:update|setIamPolicy))/, 'roles/bigquery.dataOwner on the dataset'],
  [/^bigquery\.datasets\.create/, 'roles/bigquery.user on the project'],
  [/^bigquery\./, 'roles/bigquery.dataEditor on the dataset'],
  [/^datacatalog\./, 'roles/datacatalog.categoryFineGrainedReader on the policy tag'],
  [/^storage\./, 'roles/storage.objectViewer on the staging bucket'],
  [/^cloudkms\./, "roles/cloudkms.cryptoKeyEncrypterDecrypter on the key, to BigQuery's service agent"],
];

/** Which permission was missing, and the smallest usual role that has it. */
function denied(message: string): Facts {
  const { permission, on } = permissionOf(message);
  const role = ROLES.find(([pattern]) => permission !== undefined && pattern.test(permission))?.[1];
  return {
    permission: permission ?? 'A permission',
    role: role ?? 'roles/bigquery.dataEditor on the datasets and roles/bigquery.jobUser on the project',
    ...(on === undefined ? {} : { on }),
  };
}
