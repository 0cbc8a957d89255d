/** S3 without a key: the runner's Google identity, a role, an hour; and what goes wrong with it. */
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ObjectStore } from '../../../runner/core/contracts/object-store.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { openS3, type S3Request } from '../../../runner/sources/s3/index.ts';
import { asOnGoogleCloud, environment, type IdentityServer, startMetadata, startSts } from '../../servers/identity.ts';
import { type ObjectProxy, startObjectProxy } from '../../servers/object-proxy.ts';
import { type S3Server, startS3 } from '../../servers/s3.ts';
import { describeWith } from '../../setup/describe-with.ts';

const ROLE = 'arn:aws:iam::123456789012:role/tributary-acme';
const never = new AbortController().signal;
const QUICK = { attempts: 2, seconds: 5, firstMs: 5, longestMs: 10 };
const CANARY = 'canary-7f3a-never-to-be-seen';

describeWith(['emulators'], 'S3: login', () => {
  let server: S3Server;
  let proxy: ObjectProxy;
  let metadata: IdentityServer;

  beforeAll(async () => {
    server = await startS3();
    proxy = await startObjectProxy(server.host);
    metadata = await startMetadata();
    const client = server.client();
    await client.send(new CreateBucketCommand({ Bucket: 'partner-drop' }));
    await client.send(new PutObjectCommand({ Bucket: 'partner-drop', Key: 'a.csv', Body: 'abc' }));
    client.destroy();
  }, 60_000);

  afterAll(async () => {
    await metadata?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const open = (login: Partial<S3Request['connection']>, secret = ''): ObjectStore => {
    const connection: S3Request['connection'] = {
      ...{ kind: 's3', bucket: 'partner-drop', region: 'us-east-1', endpoint: proxy.host },
      ...login,
    };
    const secrets = { get: async () => secret };
    return openS3({ tenant: 'acme', name: 'partner', connection, secrets }, { budget: QUICK });
  };
  const failure = async (work: Promise<unknown>) =>
    work.then(
      () => new Error('it worked'),
      (error: unknown) => error,
    );

  it('a role is assumed with a token for the audience of the tenant', async () => {
    await using sts = await startSts({ seconds: 3600 });
    using _google = asOnGoogleCloud(metadata);
    using _amazon = environment({ AWS_ENDPOINT_URL_STS: `http://${sts.host}`, AWS_ACCESS_KEY_ID: undefined });
    await using store = open({ role: ROLE });
    expect((await store.stat('a.csv', never))?.bytes).toBe(3);
    expect((await store.stat('a.csv', never))?.bytes).toBe(3);
    expect(sts.seen.length).toBe(1);
    expect(Object.fromEntries(sts.seen[0]?.form ?? [])).toMatchObject({
      ...{ Action: 'AssumeRoleWithWebIdentity', RoleArn: ROLE, DurationSeconds: '3600' },
      RoleSessionName: 'tributary-acme-partner',
    });
    const [, claims = ''] = (sts.seen[0]?.form.get('WebIdentityToken') ?? '').split('.');
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ aud: 'tributary-acme' });
    expect(proxy.lastHeaders['x-amz-security-token']).toBe('session1');
    expect(proxy.lastHeaders.authorization).toContain('Credential=ASIA1/');
  });

  it('a session is renewed before it ends, with another token', async () => {
    const options = { seconds: 240 };
    await using sts = await startSts(options);
    using _google = asOnGoogleCloud(metadata);
    using _amazon = environment({ AWS_ENDPOINT_URL_STS: `http://${sts.host}` });
    await using store = open({ role: ROLE });
    await store.stat('a.csv', never);
    options.seconds = 3600;
    await store.stat('a.csv', never);
    // The last seconds of a session may be used while the next one is fetched.
    await expect
      .poll(async () => {
        await store.stat('a.csv', never);
        return proxy.lastHeaders['x-amz-security-token'];
      })
      .not.toBe('session1');
    const tokens = sts.seen.map(({ form }) => form.get('WebIdentityToken'));
    expect(new Set(tokens).size).toBe(tokens.length);
    const after = sts.seen.length;
    await store.stat('a.csv', never);
    expect(sts.seen.length).toBe(after);
  });

  it('a role that does not trust the runner says what it has to trust', async () => {
    const refusal = { code: 'AccessDenied', message: `Not authorized to perform sts:AssumeRoleWithWebIdentity` };
    await using sts = await startSts({ seconds: 3600, refusal });
    using _google = asOnGoogleCloud(metadata);
    using _amazon = environment({ AWS_ENDPOINT_URL_STS: `http://${sts.host}` });
    await using store = open({ role: ROLE });
    const problem = problemOf(await failure(store.stat('a.csv', never)));
    expect(problem.code).toBe('OBJECTS_LOGIN');
    expect(problem.detail).toContain(ROLE);
    expect(problem.fix).toContain('tributary-acme');
    const steps: string[] = [];
    for await (const { id, status } of store.check({ prefix: '' }, never)) steps.push(`${id} ${status}`);
    expect(steps.at(-1)).toBe('credential fail');
  });

  it('no service account is a login that failed', async () => {
    using _google = environment({
      ...{ GCE_METADATA_HOST: '127.0.0.1:1', METADATA_SERVER_DETECTION: 'none', CLOUDSDK_CONFIG: '/nonexistent' },
      GOOGLE_APPLICATION_CREDENTIALS: '/nonexistent/key.json',
    });
    await using store = open({ role: ROLE });
    expect(problemOf(await failure(store.stat('a.csv', never))).code).toBe('OBJECTS_LOGIN');
  });

  it.each([
    ['InvalidAccessKeyId', 403, 'OBJECTS_LOGIN'],
    ['SignatureDoesNotMatch', 403, 'OBJECTS_LOGIN'],
    ['ExpiredToken', 400, 'OBJECTS_LOGIN'],
    ['RequestTimeTooSkewed', 403, 'OBJECTS_CLOCK'],
    ['AccessDenied', 403, 'OBJECTS_DENIED'],
    ['NoSuchBucket', 404, 'OBJECTS_BUCKET_MISSING'],
    ['PermanentRedirect', 301, 'OBJECTS_REGION'],
    ['AuthorizationHeaderMalformed', 400, 'OBJECTS_REGION'],
    ['SlowDown', 503, 'OBJECTS_FAILED'],
  ] as const)('%s is told as %s %s, and no secret with it', async (code, status, told) => {
    const planned = {
      ...{ status, headers: { 'content-type': 'application/xml', 'x-amz-bucket-region': 'eu-west-1' } },
      body: `<Error><Code>${code}</Code><Message>The request https://h/p?X-Amz-Signature=${CANARY}&amp;X-Amz-Security-Token=${CANARY} was refused</Message><Region>eu-west-1</Region></Error>`,
    };
    proxy.reset();
    proxy.answers = [planned, planned];
    await using store = open({ accessKeyId: 'AKIAEXAMPLE', secret: 'partner-key' }, CANARY);
    const error = await failure(store.stat('a.csv', never));
    const { problem, message, stack } = error as Error & { problem: { code: string; fix: string } };
    expect(problem.code).toBe(told);
    if (told === 'OBJECTS_REGION') expect(problem.fix).toContain('region: eu-west-1');
    expect(`${JSON.stringify(error)} ${JSON.stringify(problem)} ${message} ${stack}`).not.toContain(CANARY);
    expect((error as Error).cause).toBeUndefined();
  });
});
