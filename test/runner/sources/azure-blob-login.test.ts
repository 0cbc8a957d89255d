/** Azure without a key: the runner's Google identity becomes an application; SAS; and what goes wrong with them. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import {
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problemOf } from '../../../runner/core/errors.ts';
import { type AzureBlobRequest, openAzureBlob } from '../../../runner/sources/azure-blob/index.ts';
import { type AzureServer, startAzure } from '../../servers/azure.ts';
import {
  asOnGoogleCloud,
  environment,
  type IdentityServer,
  startEntra,
  startMetadata,
} from '../../servers/identity.ts';
import { type ObjectProxy, startObjectProxy } from '../../servers/object-proxy.ts';
import { describeWith } from '../../setup/describe-with.ts';

const DIRECTORY = '11111111-2222-4333-8444-555555555555';
const CLIENT = '99999999-8888-4777-8666-555555555555';
const never = new AbortController().signal;
const QUICK = { attempts: 2, seconds: 5, firstMs: 5, longestMs: 10 };
const CANARY = 'canary-7f3a-never-to-be-seen';

function open(server: AzureServer, login: Partial<AzureBlobRequest['connection']>, secret = '', host = server.host) {
  const connection = {
    ...{ kind: 'azure-blob' as const, account: server.account, container: 'exports' },
    ...{ endpoint: `${host}/${server.account}`, ...login },
  };
  const secrets = { get: async () => secret };
  return openAzureBlob({ tenant: 'acme', name: 'erp', connection, secrets }, { budget: QUICK });
}

async function fill(server: AzureServer): Promise<void> {
  const container = server.client().getContainerClient('exports');
  await container.create();
  await container.getBlockBlobClient('a.csv').uploadData(Buffer.from('abc'));
}

const failure = (work: Promise<unknown>) =>
  work.then(
    () => new Error('it worked'),
    (error: unknown) => error,
  );

describeWith(['openssl'], 'Azure: an application without a key', () => {
  let server: AzureServer;
  let metadata: IdentityServer;
  const before = getCACertificates('default');

  beforeAll(async () => {
    server = await startAzure({ tokens: true });
    setDefaultCACertificates([...before, server.ca]);
    metadata = await startMetadata();
    await fill(server);
  }, 60_000);

  afterAll(async () => {
    setDefaultCACertificates(before);
    await metadata?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  it('a token of Google is exchanged for one of Entra, once for as long as that lasts', async () => {
    await using entra = await startEntra({ seconds: 3600 });
    using _google = asOnGoogleCloud(metadata);
    using _microsoft = environment({ AZURE_AUTHORITY_HOST: `http://${entra.host}` });
    await using store = open(server, { tenantId: DIRECTORY, clientId: CLIENT });
    expect((await store.stat('a.csv', never))?.bytes).toBe(3);
    expect((await store.stat('a.csv', never))?.bytes).toBe(3);
    expect(entra.seen.map(({ path }) => path)).toEqual([`/${DIRECTORY}/oauth2/v2.0/token`]);
    const form = Object.fromEntries(entra.seen[0]?.form ?? []);
    expect(form).toMatchObject({
      ...{ client_id: CLIENT, grant_type: 'client_credentials', scope: 'https://storage.azure.com/.default' },
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
    const [, claims = ''] = (form.client_assertion ?? '').split('.');
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString()).aud).toBe('api://AzureADTokenExchange');
    const steps: string[] = [];
    for await (const { id, status } of store.check({ prefix: '' }, never)) steps.push(`${id} ${status}`);
    expect(steps).toEqual(['settings pass', 'resolve pass', 'credential pass', 'list pass', 'read pass']);
  });

  it('a token that is about to end is replaced by another', async () => {
    await using entra = await startEntra({ seconds: 60 });
    using _google = asOnGoogleCloud(metadata);
    using _microsoft = environment({ AZURE_AUTHORITY_HOST: `http://${entra.host}` });
    await using store = open(server, { tenantId: DIRECTORY, clientId: CLIENT });
    await store.stat('a.csv', never);
    await expect
      .poll(async () => {
        await store.stat('a.csv', never);
        return entra.seen.length;
      })
      .toBeGreaterThan(1);
    const assertions = entra.seen.map(({ form }) => form.get('client_assertion'));
    expect(new Set(assertions).size).toBe(assertions.length);
  });

  it('an application that does not trust the runner says what it needs', async () => {
    const refusal = `AADSTS70021: No matching federated identity record found. client_assertion=${CANARY}\r\nTrace ID: 1`;
    await using entra = await startEntra({ seconds: 3600, refusal });
    using _google = asOnGoogleCloud(metadata);
    using _microsoft = environment({ AZURE_AUTHORITY_HOST: `http://${entra.host}` });
    await using store = open(server, { tenantId: DIRECTORY, clientId: CLIENT });
    const error = await failure(store.stat('a.csv', never));
    const problem = problemOf(error);
    expect(problem.code).toBe('OBJECTS_LOGIN');
    expect(problem.detail).toContain('AADSTS70021');
    expect(problem.fix).toContain('api://AzureADTokenExchange');
    expect(JSON.stringify(problem)).not.toContain(CANARY);
  });
});

describe('Azure: secrets', () => {
  let server: AzureServer;
  let proxy: ObjectProxy;
  let sas: string;

  beforeAll(async () => {
    server = await startAzure();
    proxy = await startObjectProxy(server.host);
    await fill(server);
    const key = /AccountKey=([^;]+)/.exec(server.connectionString)?.[1] ?? '';
    sas = signed(key, 3_600_000);
  }, 60_000);

  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  function signed(key: string, ms: number): string {
    const permissions = ContainerSASPermissions.parse('rl');
    const values = { containerName: 'exports', permissions, expiresOn: new Date(Date.now() + ms) };
    return generateBlobSASQueryParameters(values, new StorageSharedKeyCredential(server.account, key)).toString();
  }

  it.each([
    ['a SAS', () => sas],
    ['a SAS with its question mark, and a new line', () => `?${sas}\n`],
    ['the whole address with a SAS', () => `${server.endpoint}/exports?${sas}`],
    ['a connection string with a SAS', () => `BlobEndpoint=${server.endpoint};SharedAccessSignature=${sas}`],
    ['a connection string with the key of the account', () => server.connectionString],
  ])('%s reads', async (_, secret) => {
    await using store = open(server, { secret: 'erp-sas' }, secret());
    const object = await store.stat('a.csv', never);
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.open(object as NonNullable<typeof object>, { from: 0 }, never)) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('abc');
  });

  it.each([
    ['nonsense', CANARY, 'neither a SAS nor a connection string'],
    ['the connection string of another account', `AccountName=other;AccountKey=${CANARY}`, 'other'],
  ])('%s is refused before anything is asked', async (_, secret, said) => {
    await using store = open(server, { secret: 'erp-sas' }, secret);
    const problem = problemOf(await failure(store.stat('a.csv', never)));
    expect(problem.code).toBe('OBJECTS_LOGIN');
    expect(problem.detail).toContain(said);
    expect(problem.fix).toContain('tributary secret set acme erp-sas');
    expect(JSON.stringify(problem)).not.toContain(CANARY);
  });

  it('a SAS that has expired is refused as one', async () => {
    const key = /AccountKey=([^;]+)/.exec(server.connectionString)?.[1] ?? '';
    const expired = signed(key, -60_000);
    await using store = open(server, { secret: 'erp-sas' }, expired);
    const error = await failure(store.stat('a.csv', never));
    expect(problemOf(error).code).toBe('OBJECTS_LOGIN');
    expect(problemOf(error).detail).toContain('expired');
    const signature = new URLSearchParams(expired).get('sig') ?? 'none';
    const shown = `${(error as Error).stack}${JSON.stringify(error)}`;
    for (const form of [signature, encodeURIComponent(signature)]) expect(shown).not.toContain(form);
  });

  it.each([
    ['AuthenticationFailed', 403, 'OBJECTS_LOGIN'],
    ['AuthorizationPermissionMismatch', 403, 'OBJECTS_DENIED'],
    ['AuthorizationFailure', 403, 'OBJECTS_DENIED'],
    ['ContainerNotFound', 404, 'OBJECTS_BUCKET_MISSING'],
    ['ServerBusy', 503, 'OBJECTS_FAILED'],
  ] as const)('%s %i is told as %s, and no secret with it', async (code, status, told) => {
    const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>Of https://a/c?sv=1&amp;sig=${CANARY}: no.</Message></Error>`;
    const planned = { status, body, headers: { 'content-type': 'application/xml', 'x-ms-error-code': code } };
    proxy.reset();
    proxy.answers = [planned, planned];
    await using store = open(server, { secret: 'erp-sas' }, `sv=2026&sig=${CANARY}`, proxy.host);
    const error = await failure(store.stat('a.csv', never));
    expect(problemOf(error).code).toBe(told);
    const { message, stack, cause } = error as Error;
    expect(`${JSON.stringify(error)} ${message} ${stack}`).not.toContain(CANARY);
    expect(cause).toBeUndefined();
  });
});
