/** What BigQuery says when it refuses, as a person is told it. */
import { expect, test } from 'vitest';
import { failureOf, jobFailure } from '../../../runner/bigquery/failure.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { sourceProblem } from '../../../runner/sources/bigquery/errors.ts';
import { storageFailure } from '../../../runner/sources/bigquery/storage.ts';

const FACTS = { tenant: 'acme', connection: 'so', project: 'partner', billed: 'acme-data', object: 'sales.orders' };
const told = (error: unknown) => problemOf(sourceProblem(error, FACTS));
const refused = (code: number, reason: string, message: string) =>
  told(failureOf({ code, errors: [{ reason, message }], message }));

test('a permission names the role, the place and the command', () => {
  const data =
    'Access Denied: Table partner:sales.orders: User does not have permission to query table; bigquery.tables.getData denied';
  expect(refused(403, 'accessDenied', data)).toMatchObject({
    code: 'SOURCE_PERMISSION',
    detail: expect.stringContaining('sales.orders (bigquery.tables.getData is missing)'),
    fix: expect.stringContaining('GRANT `roles/bigquery.dataViewer` ON SCHEMA `partner.sales`'),
  });
  const jobs =
    'Access Denied: Project acme-data: User does not have bigquery.jobs.create permission in project acme-data.';
  expect(refused(403, 'accessDenied', jobs).fix).toMatch(
    /^gcloud projects add-iam-policy-binding acme-data .*roles\/bigquery\.jobUser$/,
  );
  const sessions = {
    code: 7,
    details:
      "request failed: the user does not have 'bigquery.readsessions.create' permission for 'projects/acme-data'",
  };
  expect(told(storageFailure(sessions)).fix).toMatch(/acme-data .*roles\/bigquery\.readSessionUser$/);
});

test('each refusal has its entry', () => {
  expect(refused(401, 'authError', 'Request had invalid authentication credentials').code).toBe('SOURCE_CREDENTIALS');
  expect(refused(404, 'notFound', 'Not found: Table partner:sales.orders').code).toBe('SOURCE_OBJECT_MISSING');
  const elsewhere = jobFailure({
    reason: 'notFound',
    message: 'Not found: Dataset partner:sales was not found in location EU',
  });
  expect(told(elsewhere)).toMatchObject({ code: 'SOURCE_LOCATION', detail: expect.stringContaining('EU') });
  const filter =
    "Cannot query over table 'partner.sales.orders' without a filter over column(s) 'day', '_PARTITION_LOAD_TIME' that can be used for partition elimination";
  expect(told(jobFailure({ reason: 'invalidQuery', message: filter }))).toMatchObject({
    code: 'SOURCE_PARTITION_FILTER',
    fix: expect.stringContaining('cursor: day'),
  });
  expect(
    told(jobFailure({ reason: 'bytesBilledLimitExceeded', message: 'Query exceeded limit for bytes billed: 1.' })).code,
  ).toBe('SOURCE_COST');
  expect(told(jobFailure({ reason: 'quotaExceeded', message: 'Quota exceeded: daily bytes' }))).toMatchObject({
    code: 'SOURCE_BUSY',
    retryable: true,
  });
  expect(told(jobFailure({ reason: 'invalidQuery', message: 'Unrecognized name: nme at [1:8]' })).code).toBe(
    'SOURCE_QUERY_INVALID',
  );
  expect(refused(503, 'backendError', 'Try again').code).toBe('SOURCE_UNREACHABLE');
  expect(told(storageFailure({ code: 14, details: 'Connection dropped' })).retryable).toBe(true);
});
