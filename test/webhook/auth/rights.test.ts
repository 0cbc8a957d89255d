import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountEmail, PLATFORM, serviceAccount } from '../../../tenants/naming.ts';
import { authSettings } from '../../../webhook/auth/authenticator.ts';
import { bindings } from '../../../webhook/auth/bindings.ts';
import type { Caller } from '../../../webhook/auth/caller.ts';
import { laptopAuthenticator } from '../../../webhook/auth/laptop.ts';
import { type Action, permits } from '../../../webhook/auth/roles.ts';
import { AUDIENCE, claimsOf, none, PEOPLE, PROJECT, scene, tenantFile } from './scene.ts';

const ACTIONS: readonly Action[] = [
  ...(['view', 'operate', 'configure', 'create', 'trigger', 'report', 'sweep', 'operations'] as const),
];
const may = (caller: Caller, tenant: Parameters<typeof permits>[2]) =>
  ACTIONS.filter((action) => permits(caller, action, tenant));

describe('accounts', () => {
  it('of any two tenants are never the same', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{1,18}$/);
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 2, maxLength: 8 }), (tenants) => {
        const bound = bindings(
          tenants.map((tenant) => ({ tenant })),
          PROJECT,
        );
        expect(bound.size).toBe(3 * tenants.length + 1);
      }),
    );
  });

  it('belong to the tenant that is there now', async () => {
    await using here = await scene();
    const email = accountEmail(serviceAccount('third', 'scheduler'), PROJECT);
    const token = await here.issuer.sign(claimsOf({ email }));
    expect(await here.callerOf(token)).toEqual({ kind: 'person', email });
    await here.tenants.write('third', tenantFile('third'), null);
    expect(await here.callerOf(token)).toEqual({ kind: 'scheduler', tenant: 'third', email });
    const sweep = accountEmail(PLATFORM.sweep, PROJECT);
    expect(await here.callerOf(await here.issuer.sign(claimsOf({ email: sweep })))).toMatchObject({ kind: 'platform' });
  });
});

describe('rights', () => {
  const tenant = {
    tenant: 'acme',
    members: [
      { principal: 'user:Ada@acme.example', role: 'admin' as const },
      { principal: 'domain:acme.example', role: 'viewer' as const },
      { principal: 'group:data@acme.example', role: 'operator' as const },
      { principal: 'serviceAccount:ci@build.iam.gserviceaccount.com', role: 'operator' as const },
      { principal: 'user:trap@build.iam.gserviceaccount.com', role: 'admin' as const },
    ],
  };
  const person = (email: string, more: object = {}): Caller => ({ kind: 'person', email, ...more });
  const email = 'x';

  it.each<[string, Caller, readonly Action[]]>([
    ['anybody on a laptop', { kind: 'laptop', email }, ACTIONS],
    ['the platform', { kind: 'platform', email }, ['sweep', 'operations']],
    ['its scheduler', { kind: 'scheduler', tenant: 'acme', email }, ['trigger']],
    ['its runner', { kind: 'runner', tenant: 'acme', email }, ['report']],
    ['the scheduler of another', { kind: 'scheduler', tenant: 'other', email }, []],
    ['the runner of another', { kind: 'runner', tenant: 'other', email }, []],
    ['its admin', person('ada@acme.example'), ['view', 'operate', 'configure', 'trigger']],
    ['one of its domain', person('bo@acme.example', { domain: 'acme.example' }), ['view']],
    ['an address in its domain that no Workspace manages', person('bo@acme.example'), []],
    ['one of a group', person('bo@acme.example', { groups: ['data@acme.example'] }), ['view', 'operate', 'trigger']],
    ['a program it lists', person('ci@build.iam.gserviceaccount.com'), ['view', 'operate', 'trigger']],
    ['a program that it lists as a person', person('trap@build.iam.gserviceaccount.com'), []],
    ['a stranger', person('eve@evil.example'), []],
    [
      'an admin of the platform',
      person('root@x.example', { admin: true }),
      ['view', 'operate', 'configure', 'create', 'trigger', 'operations'],
    ],
  ])('%s', (_, caller, allowed) => {
    expect(may(caller, tenant)).toEqual(allowed);
  });

  it('of a member end with the tenant', () => {
    expect(may(person('ada@acme.example'), null)).toEqual([]);
    expect(may({ kind: 'runner', tenant: 'acme', email }, null)).toEqual([]);
  });

  it('of the platform come from its settings', async () => {
    await using here = await scene({ admins: ['user:root@platform.example', 'domain:acme.example'] });
    const call = async (claims: object) =>
      here.callerOf(await here.issuer.sign(claimsOf({ aud: PEOPLE, azp: PEOPLE, ...claims })));
    expect(await call({ email: 'root@platform.example' })).toMatchObject({ admin: true });
    expect(await call({ email: 'ada@acme.example', hd: 'acme.example' })).toMatchObject({ admin: true });
    expect(await call({ email: 'ada@acme.example' })).not.toHaveProperty('admin');
  });
});

describe('a laptop', () => {
  it.each([
    ['127.0.0.1', 'localhost:8080', true],
    ['::1', '[::1]:8080', true],
    ['::ffff:127.0.0.1', '127.0.0.1', true],
    ['192.168.1.5', 'localhost:8080', false],
    ['::ffff:10.0.0.1', 'localhost', false],
    ['', 'localhost', false],
    ['127.0.0.1.evil', 'localhost', false],
    ['127.0.0.1', 'evil.example', false],
    ['127.0.0.1', 'localhost.evil.example:80', false],
    ['127.0.0.1', null, false],
  ])('peer %s, host %s', async (peer, host, allowed) => {
    const called = laptopAuthenticator().authenticate({ ...none, peer, host });
    if (allowed) expect(await called).toMatchObject({ kind: 'laptop' });
    else await expect(called).rejects.toThrow(/not from this machine|for another host/);
  });
});

describe('settings', () => {
  it('come from the environment, and are refused where they are wrong', () => {
    const env = { TRIBUTARY_AUDIENCE: AUDIENCE, TRIBUTARY_ADMINS: 'user:a@b.example, domain:b.example' };
    expect(authSettings(env)).toEqual({
      audience: AUDIENCE,
      signature: 'verify',
      admins: ['user:a@b.example', 'domain:b.example'],
    });
    expect(() => authSettings({})).toThrow('TRIBUTARY_AUDIENCE');
    expect(() => authSettings({ ...env, TRIBUTARY_OIDC_SIGNATURE: 'ignore' })).toThrow('TRIBUTARY_OIDC_SIGNATURE');
  });
});
