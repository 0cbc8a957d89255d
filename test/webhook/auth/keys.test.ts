import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../../runner/core/errors.ts';
import { issuerKeys } from '../../../webhook/auth/keys.ts';
import { startIssuer } from '../../servers/issuer.ts';
import { claimsOf, none, scene } from './scene.ts';

const scheduler = { kind: 'scheduler', tenant: 'acme' };
const NOW = { refreshMs: 0, cooldownMs: 0 };

describe('keys of the issuer', () => {
  it('are fetched once for many callers at once', async () => {
    await using here = await scene();
    const token = await here.issuer.sign(claimsOf());
    const callers = await Promise.all(Array.from({ length: 50 }, () => here.callerOf(token)));
    expect(new Set(callers.map((caller) => JSON.stringify(caller))).size).toBe(1);
    expect(here.issuer.asked()).toBe(1);
  });

  it('are fetched again for a key that is new', async () => {
    await using here = await scene({ keyTimes: { cooldownMs: 0 } });
    const old = await here.issuer.sign(claimsOf());
    expect(await here.callerOf(old)).toMatchObject(scheduler);
    await here.issuer.rotate();
    expect(await here.callerOf(await here.issuer.sign(claimsOf()))).toMatchObject(scheduler);
    expect(await here.callerOf(old)).toBe('signed by an unknown key');
  });

  it('are not asked for by everybody who makes up the name of a key', async () => {
    await using here = await scene();
    await here.callerOf(await here.issuer.sign(claimsOf()));
    for (let n = 0; n < 50; n += 1) {
      expect(await here.callerOf(await here.issuer.sign(claimsOf(), { kid: `made-up-${n}` }))).toBe(
        'signed by an unknown key',
      );
    }
    expect(here.issuer.asked()).toBe(1);
  });

  it.each<[string, Parameters<Awaited<ReturnType<typeof startIssuer>>['answer']>[0]]>([
    ['fails', { status: 503, body: 'later' }],
    ['answers nothing', 'nothing'],
    ['answers no keys', { status: 200, body: '{"keys":[]}' }],
    ['answers garbage', { status: 200, body: '<html>' }],
    ['answers without end', { status: 200, body: `{"keys":[],"x":"${'x'.repeat(300_000)}"}` }],
    ['answers another shape', { status: 200, body: '[]' }],
  ])('that were good serve on while the issuer %s', async (_, instead) => {
    await using here = await scene({ keyTimes: { ...NOW, timeoutMs: 200 } });
    const token = await here.issuer.sign(claimsOf());
    expect(await here.callerOf(token)).toMatchObject(scheduler);
    here.issuer.answer(instead);
    for (let n = 0; n < 3; n += 1) expect(await here.callerOf(token)).toMatchObject(scheduler);
    const unknown = await here.issuer.sign(claimsOf(), { kid: 'unknown' });
    expect(await here.callerOf(unknown)).toBe('signed by an unknown key');
    here.issuer.answer(null);
    await here.issuer.rotate();
    await expect.poll(async () => here.callerOf(await here.issuer.sign(claimsOf()))).toMatchObject(scheduler);
  });

  it('that are not there yet make nobody a stranger', async () => {
    await using here = await scene({ keyTimes: NOW });
    here.issuer.answer({ status: 500, body: '' });
    const token = await here.issuer.sign(claimsOf());
    const failed = await here.callerOf(token).catch((error: unknown) => error);
    expect(TributaryError.is(failed) && failed.problem.code).toBe('KEYS_UNAVAILABLE');
    here.issuer.answer(null);
    expect(await here.callerOf(token)).toMatchObject(scheduler);
  });

  it('come over https or from this machine', () => {
    expect(() => issuerKeys('http://keys.example/certs')).toThrow(RangeError);
    expect(() => issuerKeys('http://127.0.0.1.evil.example/certs')).toThrow(RangeError);
  });
});

describe('behind the check of Cloud Run', () => {
  it('a removed signature counts, with claims as strict as ever', async () => {
    await using here = await scene({ signature: 'checked-by-cloud-run' });
    const removed = async (claims = {}) => {
      const [head, payload] = (await here.issuer.sign(claimsOf(claims))).split('.');
      return `${head}.${payload}.SIGNATURE_REMOVED_BY_GOOGLE`;
    };
    expect(await here.callerOf(await removed())).toMatchObject(scheduler);
    expect(await here.callerOf(await removed({ aud: 'https://other.example' }))).toBe('claim aud check_failed');
    expect(await here.callerOf(await removed({ exp: 1, iat: 0 }))).toBe('expired');
    expect(await here.callerOf(await removed({ email_verified: false }))).toBe('e-mail not verified');
    const serverlessAuthorization = 'Bearer of.somebody.SIGNATURE_REMOVED_BY_GOOGLE';
    const credentials = { ...none, authorization: `Bearer ${await removed()}`, serverlessAuthorization };
    await expect(here.authenticator.authenticate(credentials)).rejects.toThrow('signature removed by the caller');
  });

  it('a signature that is there is verified', async () => {
    await using here = await scene({ signature: 'checked-by-cloud-run' });
    await using stranger = await startIssuer();
    expect(await here.callerOf(await here.issuer.sign(claimsOf()))).toMatchObject(scheduler);
    expect(await here.callerOf(await stranger.sign(claimsOf()))).toBe('wrong signature');
    expect(await here.callerOf(`${await stranger.sign(claimsOf())}.SIGNATURE_REMOVED_BY_GOOGLE`)).toBe('not a token');
  });
});

describe('Identity-Aware Proxy', () => {
  const AUDIENCE = '/projects/1/locations/europe-west1/services/tributary-webhook';
  const assertion = { iss: 'https://cloud.google.com/iap', aud: AUDIENCE, azp: AUDIENCE, email: 'ada@acme.example' };

  it('says who a person is', async () => {
    await using iap = await startIssuer('ES256');
    await using here = await scene({ iapAudience: AUDIENCE, iapKeysUrl: iap.jwksUrl });
    const claims = claimsOf({ ...assertion, hd: 'acme.example', email_verified: undefined });
    const person = { kind: 'person', email: 'ada@acme.example', domain: 'acme.example' };
    const authenticate = (iapAssertion: string, authorization: string | null = null) =>
      here.authenticator.authenticate({ ...none, iapAssertion, authorization });
    expect(await authenticate(await iap.sign(claims))).toEqual(person);
    await expect(authenticate(await iap.sign({ ...claims, aud: '/projects/2' }))).rejects.toThrow('claim aud');
    await expect(authenticate(await here.issuer.sign(claims))).rejects.toThrow('algorithm not allowed');
    const good = `Bearer ${await here.issuer.sign(claimsOf())}`;
    await expect(authenticate('a.b.c', good)).rejects.toThrow('header is no JSON');
  });

  it('means nothing where it is not in front', async () => {
    await using iap = await startIssuer('ES256');
    await using here = await scene();
    const iapAssertion = await iap.sign(claimsOf(assertion));
    await expect(here.authenticator.authenticate({ ...none, iapAssertion })).rejects.toThrow('no credentials');
  });
});
