import { expect, test } from 'vitest';
import { TributaryError } from '../../runner/core/errors.ts';
import { failureOf } from '../../stacks/provision/failure.ts';

const URN = 'urn:pulumi:acme.dev::tributary::tributary:index:Tenant$gcp:cloudrunv2/job:Job::acme-job';
const base = { stack: 'acme.dev', tenant: 'acme', text: '', errors: [], policies: [], done: 0 };
const refused = (message: string) =>
  failureOf({ ...base, errors: [{ urn: URN, message }, { message: 'update failed' }], done: 3 });

/** Texts of the real providers. */
test.each([
  [
    'STACK_API_DISABLED',
    'googleapi: Error 403: Cloud Run Admin API has not been used in project 123 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/run.googleapis.com/overview?project=123 then retry.',
    'run.googleapis.com',
  ],
  [
    'STACK_QUOTA',
    'googleapi: Error 429: Maximum number of service accounts on project reached., rateLimitExceeded',
    'Maximum number',
  ],
  ['STACK_QUOTA', "Error 403: Quota exceeded for quota metric 'Job write requests'", 'Quota exceeded'],
  [
    'STACK_IAM_LAG',
    'Error 400: Service account acme@p.iam.gserviceaccount.com does not exist., badRequest',
    'does not exist',
  ],
  [
    'STACK_IAM_LAG',
    "googleapi: Error 403: Permission 'iam.serviceaccounts.actAs' denied on service account x",
    'actAs',
  ],
  [
    'STACK_FAILED',
    '1 error occurred:\n\t* Error creating Job: googleapi: Error 400: Invalid value for timeout\n\n',
    'Error creating Job',
  ],
  ['STACK_FAILED', 'Error 409: Already Exists: Dataset p:acme_raw, duplicate', 'import'],
] as const)('%s from what a provider says', (code, message, shown) => {
  const failure = refused(message);
  expect(failure.code).toBe(code);
  const { detail, fix } = new TributaryError(failure.code, failure.facts).problem;
  expect(`${detail} ${fix}`).toContain(shown);
  expect(detail).toContain('acme-job');
  expect(detail).toContain('3 resource(s) were changed before it');
  expect(`${detail} ${fix}`).not.toContain('undefined');
});

test('a lock, a policy and a passphrase stand before everything else', () => {
  const text =
    'error: the stack is currently locked by 1 lock(s). Either wait …\n  file:///x.json: created by ann@elsewhere (pid 77) at 2026-11-23T13:45:36Z';
  const locked = failureOf({ ...base, text });
  expect(locked).toMatchObject({
    code: 'STACK_LOCKED',
    facts: { user: 'ann', host: 'elsewhere', pid: 77, stale: 'no' },
  });
  const policies = [{ policy: 'sched-oidc', message: 'An audience is missing.\nmore', urn: URN }];
  const violated = failureOf({ ...base, policies, errors: [{ urn: URN, message: 'Error 429' }] });
  expect(violated).toMatchObject({ code: 'STACK_POLICY', facts: { policy: 'sched-oidc', resource: 'acme-job' } });
  expect(failureOf({ ...base, text: 'error: get stack secrets manager: incorrect passphrase' }).code).toBe(
    'STACK_PASSPHRASE',
  );
});

test('what no resource said is the engine or the program', () => {
  expect(failureOf({ ...base, text: 'error: could not read from backend' }).code).toBe('STACK_ENGINE_FAILED');
  const program = failureOf({ ...base, errors: [{ message: 'Unhandled exception: RangeError: acme is no id' }] });
  expect(program.code).toBe('STACK_PROGRAM');
});
