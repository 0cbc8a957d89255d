import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import type { JWTHeaderParameters, JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountEmail, serviceAccount } from '../../../tenants/naming.ts';
import { startIssuer } from '../../servers/issuer.ts';
import { AUDIENCE, claimsOf, none, outcome, PEOPLE, PROJECT, SCHEDULER, type Scene, scene } from './scene.ts';

let here: Scene;
beforeAll(async () => {
  here = await scene();
});
afterAll(() => here[Symbol.asyncDispose]());

const now = () => Math.floor(Date.now() / 1000);
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const tokenOf = async (claims: JWTPayload, header?: Partial<JWTHeaderParameters>) =>
  here.callerOf(await here.issuer.sign(claimsOf(claims), header));

describe('a good token', () => {
  it('is the scheduler of its tenant', async () => {
    expect(await tokenOf({})).toEqual({ kind: 'scheduler', tenant: 'acme', email: SCHEDULER });
  });

  it('counts again until it expires', async () => {
    const token = await here.issuer.sign(claimsOf());
    expect(await here.callerOf(token)).toEqual(await here.callerOf(token));
  });

  it("is the tenant's runner in the project of the tenant, and a stranger in another", async () => {
    const runner = serviceAccount('other', 'runner');
    expect(await tokenOf({ email: accountEmail(runner, 'other-data') })).toMatchObject({
      kind: 'runner',
      tenant: 'other',
    });
    const elsewhere = accountEmail(runner, PROJECT);
    expect(await tokenOf({ email: elsewhere })).toEqual({ kind: 'person', email: elsewhere });
  });

  it('may be off by the clock of a machine, and no more', async () => {
    expect(await tokenOf({ exp: now() - 10, iat: now() - 3000 })).toMatchObject({ kind: 'scheduler' });
    expect(await tokenOf({ iat: now() + 10 })).toMatchObject({ kind: 'scheduler' });
  });

  it('of an unknown account is no caller of a tenant', async () => {
    const email = accountEmail('trb-acme-runner', 'attacker-project');
    expect(await tokenOf({ email })).toEqual({ kind: 'person', email });
  });

  it('of a person counts under the audience of people only', async () => {
    const ada = { email: 'Ada@Acme.example', hd: 'acme.example', aud: PEOPLE, azp: PEOPLE };
    expect(await tokenOf(ada)).toEqual({ kind: 'person', email: 'ada@acme.example', domain: 'acme.example' });
    expect(await tokenOf({ ...ada, aud: AUDIENCE, azp: '1001' })).toBe('a person with a token for programs');
  });
});

describe('claims', () => {
  it.each<[string, JWTPayload, string]>([
    ['another issuer', { iss: 'https://accounts.google.com.evil.example' }, 'claim iss check_failed'],
    ['the issuer of Firebase', { iss: 'https://securetoken.google.com/x' }, 'claim iss check_failed'],
    ['another audience', { aud: 'https://tributary.other.internal' }, 'claim aud check_failed'],
    ['a list with the audience', { aud: [AUDIENCE] }, 'wrong audience'],
    ['an audience that begins so', { aud: `${AUDIENCE}/` }, 'claim aud check_failed'],
    ['another party', { azp: '2002' }, 'wrong authorized party'],
    ['a party that is no text', { azp: ['1001'] }, 'wrong authorized party'],
    ['an e-mail not verified', { email_verified: false }, 'e-mail not verified'],
    ['an e-mail verified as text', { email_verified: 'true' }, 'e-mail not verified'],
    ['a list of e-mails', { email: [SCHEDULER] }, 'no acceptable e-mail'],
    [
      'an e-mail with a letter that only looks so',
      { email: SCHEDULER.replace('k', '\u212a').replace('a', 'а') },
      'no acceptable e-mail',
    ],
    ['an e-mail of two lines', { email: `${SCHEDULER}\nx` }, 'no acceptable e-mail'],
    ['a past end', { exp: Math.floor(Date.now() / 1000) - 60 }, 'expired'],
    ['an old age', { iat: Math.floor(Date.now() / 1000) - 4000 }, 'expired'],
    ['a beginning to come', { nbf: Math.floor(Date.now() / 1000) + 120 }, 'claim nbf check_failed'],
    ['made in the future', { iat: Math.floor(Date.now() / 1000) + 120 }, 'claim iat check_failed'],
    ['an end as text', { exp: '9999999999' as unknown as number }, 'claim exp invalid'],
  ])('%s', async (_, claims, reason) => {
    expect(await tokenOf(claims)).toBe(reason);
  });

  it.each(['iss', 'aud', 'exp', 'iat', 'sub', 'email'])('none of %s', async (name) => {
    const { [name]: _, ...claims } = claimsOf();
    expect(await here.callerOf(await here.issuer.sign(claims))).toBe(`claim ${name} missing`);
  });

  it('a person with the client of another application', async () => {
    const claims = { email: 'ada@acme.example', aud: PEOPLE, azp: '999.apps.googleusercontent.com' };
    expect(await tokenOf(claims)).toBe('wrong authorized party');
  });
});

describe('signatures', () => {
  it.each(['none', 'None', 'NONE', ''])('algorithm %j', async (alg) => {
    const head = part({ alg, kid: 'key-1', typ: 'JWT' });
    const good = await here.issuer.sign(claimsOf());
    expect(await here.callerOf(`${head}.${part(claimsOf())}.`)).toBe('not a token');
    expect(await here.callerOf(`${head}.${part(claimsOf())}.${good.split('.')[2]}`)).toBe('algorithm not allowed');
  });

  it('HS256 with the public key as the secret', async () => {
    const signed = `${part({ alg: 'HS256', kid: 'key-1', typ: 'JWT' })}.${part(claimsOf())}`;
    const mac = createHmac('sha256', await here.issuer.publicKey())
      .update(signed)
      .digest('base64url');
    expect(await here.callerOf(`${signed}.${mac}`)).toBe('algorithm not allowed');
  });

  it('a key of somebody else under the same id', async () => {
    await using stranger = await startIssuer();
    expect(await here.callerOf(await stranger.sign(claimsOf()))).toBe('wrong signature');
  });

  it('a key and addresses in the header', async () => {
    await using stranger = await startIssuer();
    const { keys } = (await (await fetch(stranger.jwksUrl)).json()) as { keys: [object] };
    const before = stranger.asked();
    const headers = [{ jku: stranger.jwksUrl }, { x5u: stranger.jwksUrl }, { jwk: keys[0] }, { x5c: ['MIIB'] }];
    for (const header of headers) {
      expect(await here.callerOf(await stranger.sign(claimsOf(), header))).toBe('wrong signature');
    }
    expect(stranger.asked()).toBe(before);
  });

  it('another payload under the same signature', async () => {
    const [head, , signature] = (await here.issuer.sign(claimsOf())).split('.');
    const email = accountEmail(serviceAccount('other', 'scheduler'), PROJECT);
    expect(await here.callerOf(`${head}.${part(claimsOf({ email }))}.${signature}`)).toBe('wrong signature');
  });

  it('a signature that Cloud Run took away, where nobody checked it', async () => {
    const [head, payload] = (await here.issuer.sign(claimsOf())).split('.');
    expect(await here.callerOf(`${head}.${payload}.SIGNATURE_REMOVED_BY_GOOGLE`)).toBe('wrong signature');
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['a path', { kid: '../../../dev/null' }, 'no acceptable key id'],
    ['SQL', { kid: "x' UNION SELECT 'key" }, 'no acceptable key id'],
    ['none', { kid: undefined }, 'no acceptable key id'],
    ['a number', { kid: 1 }, 'no acceptable key id'],
    ['unknown', { kid: 'key-99' }, 'signed by an unknown key'],
    ['of the prototype', { kid: '__proto__' }, 'signed by an unknown key'],
    ['huge', { kid: 'k'.repeat(4000) }, 'no acceptable key id'],
    ['an access token', { typ: 'at+jwt' }, 'not an identity token'],
    ['critical extensions', { crit: ['exp'], exp: 1 }, 'critical extensions'],
  ])('header: %s', async (_, header, reason) => {
    const [, payload, signature] = (await here.issuer.sign(claimsOf())).split('.');
    const head = part({ alg: 'RS256', kid: 'key-1', typ: 'JWT', ...header });
    expect(await here.callerOf(`${head}.${payload}.${signature}`)).toBe(reason);
  });

  it('oversized, before it is looked into', async () => {
    expect(await tokenOf({ padding: 'x'.repeat(9000) })).toBe('token too large');
  });
});

describe('garbage', () => {
  it('is refused, and never a failure', async () => {
    const good = await here.issuer.sign(claimsOf());
    const mutated = fc
      .tuple(fc.nat(good.length - 1), fc.string({ minLength: 1, maxLength: 3 }))
      .map(([at, text]) => good.slice(0, at) + text + good.slice(at + 1));
    const shaped = fc
      .tuple(fc.jsonValue(), fc.jsonValue(), fc.base64String())
      .map(([head, payload, signature]) => `${part(head)}.${part(payload)}.${signature}`);
    const any = fc.oneof(mutated, shaped, fc.string({ unit: 'binary' }), fc.constant('..'));
    await fc.assert(
      fc.asyncProperty(any, async (token) => {
        // One bit more at the end of the last character of base64url says the same.
        fc.pre(token.slice(0, -1) !== good.slice(0, -1));
        expect(await here.callerOf(token)).toEqual(expect.any(String));
      }),
      { numRuns: 500 },
    );
  });

  it.each([null, '', 'Bearer', 'Bearer ', 'Basic YTpi', 'Bearer a b', 'Bearer a.b.c, Bearer d.e.f'])(
    'as header: %j',
    async (authorization) => {
      expect(await outcome(here.authenticator.authenticate({ ...none, authorization }))).toEqual(expect.any(String));
    },
  );
});
