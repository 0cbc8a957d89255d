import { describe, expect, test } from 'vitest';
import { failureOf, isTransient, jobFailure } from '../../../../runner/bigquery/failure.ts';
import { problemOf } from '../../../../runner/core/errors.ts';
import { bigqueryProblem } from '../../../../runner/warehouses/bigquery/errors.ts';

const http = (code: number, reason: string, message = reason) =>
  failureOf(Object.assign(new Error(message), { code, errors: [{ reason, message }] }));
const network = (code: string) => failureOf(Object.assign(new Error(code), { code }));
const job = (reason: string, message = reason) => jobFailure({ reason, message });
const codeOf = (error: unknown) => problemOf(bigqueryProblem(error, { tenant: 'acme', table: 'acme_raw.orders' })).code;

describe('what may be tried again', () => {
  test.each([
    ['no answer', network('ECONNRESET'), true],
    ['no name', network('EAI_AGAIN'), true],
    ['timeout', failureOf(new Error('network timeout')), true],
    ['408', http(408, 'x'), true],
    ['429', http(429, 'x'), true],
    ['500', http(500, 'internalError'), true],
    ['502 without a word', failureOf(Object.assign(new Error('Bad Gateway'), { code: 502 })), true],
    ['503', http(503, 'backendError'), true],
    ['rate', http(403, 'rateLimitExceeded'), true],
    ['a job', job('jobBackendError'), true],
    ['a job of the inside', job('jobInternalError'), true],
    ['a rate of a job', job('jobRateLimitExceeded'), true],
    [
      'an update of a table too much',
      job('quotaExceeded', 'Exceeded rate limits: too many table update operations'),
      true,
    ],
    ['DML too much', job('resourcesExceeded', 'Too many DML statements outstanding against table p:d.t'), true],
    ['a conflict', job('invalidQuery', 'Transaction is aborted due to concurrent update against table p:d.t'), true],
    [
      'a conflict of DML',
      job('invalidQuery', 'Could not serialize access to table p:d.t due to concurrent update'),
      true,
    ],
    [
      'a quota of the day',
      job('quotaExceeded', 'Your table exceeded quota for imports or query appends per table'),
      false,
    ],
    ['memory', job('resourcesExceeded', 'Resources exceeded during query execution'), false],
    ['denied', http(403, 'accessDenied'), false],
    ['no such thing', http(404, 'notFound'), false],
    ['bad SQL', http(400, 'invalidQuery'), false],
    ['bad rows', job('invalid'), false],
    ['billing', job('bytesBilledLimitExceeded'), false],
    ['no credentials', failureOf(new Error('Could not load the default credentials.')), false],
  ])('%s', (_, failure, transient) => {
    expect(isTransient(failure)).toBe(transient);
  });
});

describe('what a person is told', () => {
  test.each([
    [http(503, 'backendError'), 'WAREHOUSE_UNREACHABLE'],
    [network('ECONNREFUSED'), 'WAREHOUSE_UNREACHABLE'],
    [http(429, 'x'), 'WAREHOUSE_QUOTA'],
    [http(403, 'quotaExceeded'), 'WAREHOUSE_QUOTA'],
    [job('bytesBilledLimitExceeded'), 'BRAKE_COST'],
    [job('invalidQuery', 'Transaction is aborted due to concurrent update against table p:d.t'), 'WAREHOUSE_CONFLICT'],
    [job('invalidQuery', 'Syntax error'), 'WAREHOUSE_FAILED'],
    [http(401, 'authError'), 'WAREHOUSE_CREDENTIALS'],
    [failureOf(new Error('invalid_grant')), 'WAREHOUSE_CREDENTIALS'],
    [http(403, 'accessDenied'), 'WAREHOUSE_DENIED'],
  ])('%s', (failure, code) => {
    expect(codeOf(failure)).toBe(code);
  });

  test.each([
    ['Access Denied: Project p: User does not have bigquery.jobs.create permission in project p.', 'bigquery.jobUser'],
    [
      'Access Denied: Table p:d.t: Permission bigquery.tables.create denied on dataset p:d',
      'bigquery.dataEditor on the dataset',
    ],
    ['Access Denied: Permission bigquery.rowAccessPolicies.create denied on table p:d.t', 'bigquery.dataOwner'],
    [
      'Access Denied: x does not have storage.objects.get access to the Google Cloud Storage object.',
      'storage.objectViewer',
    ],
  ])('which role: %s', (message, role) => {
    expect(problemOf(bigqueryProblem(http(403, 'accessDenied', message), { tenant: 'acme' })).fix).toContain(role);
  });

  test('no value of a row', () => {
    const told = (message: string) => problemOf(bigqueryProblem(job('invalid', message), { tenant: 'acme' })).detail;
    expect(told("Could not convert value 'Jane Doe' to integer. Field: id")).not.toContain('Jane');
    expect(told('Bad int64 value: Jane Doe')).not.toContain('Jane');
    expect(told('first line.\nJane Doe')).not.toContain('Jane');
  });
});
