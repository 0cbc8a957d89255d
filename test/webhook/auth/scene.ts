/** An issuer, two tenants, and an authenticator that knows them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JWTPayload } from 'jose';
import type { TenantStore } from '../../../runner/core/contracts/tenant-store.ts';
import { openFolderTenants } from '../../../runner/stores/tenants/folder.ts';
import { accountEmail, serviceAccount, webhookAudience } from '../../../tenants/naming.ts';
import { knownAccounts } from '../../../webhook/auth/accounts.ts';
import { type AuthSettings, authenticator } from '../../../webhook/auth/authenticator.ts';
import { type Authenticator, type Caller, type Credentials, Unauthenticated } from '../../../webhook/auth/caller.ts';
import { startIssuer, type TokenIssuer } from '../../servers/issuer.ts';

export const PROJECT = 'tributary-test';
export const AUDIENCE = webhookAudience(PROJECT);
export const PEOPLE = '1234.apps.googleusercontent.com';
export const SCHEDULER = accountEmail(serviceAccount('acme', 'scheduler'), PROJECT);

export function tenantFile(tenant: string, project?: string): string {
  return `tenant: ${tenant}\n${project === undefined ? '' : `project: ${project}\n`}`;
}

/** What Google says of the scheduler of acme. */
export function claimsOf(more: JWTPayload = {}): JWTPayload {
  const now = Math.floor(Date.now() / 1000);
  return {
    ...{ iss: 'https://accounts.google.com', aud: AUDIENCE, azp: '1001', sub: '1001' },
    ...{ email: SCHEDULER, email_verified: true, iat: now, exp: now + 3600 },
    ...more,
  };
}

export const none: Credentials = {
  authorization: null,
  serverlessAuthorization: null,
  iapAssertion: null,
  host: 'webhook.example',
  peer: '10.0.0.1',
};

export interface Scene extends AsyncDisposable {
  readonly issuer: TokenIssuer;
  readonly tenants: TenantStore;
  readonly authenticator: Authenticator;
  /** The caller, or why there is none. Any other error is thrown. */
  callerOf(token: string): Promise<Caller | string>;
}

export async function scene(settings: Partial<AuthSettings> = {}): Promise<Scene> {
  const owned = new AsyncDisposableStack();
  const issuer = owned.use(await startIssuer());
  const folder = mkdtempSync(join(tmpdir(), 'tributary-auth-'));
  owned.defer(() => rmSync(folder, { recursive: true, force: true }));
  const tenants = owned.use(openFolderTenants(folder));
  await tenants.write('acme', tenantFile('acme'), null);
  await tenants.write('other', tenantFile('other', 'other-data'), null);
  const accounts = knownAccounts(tenants, PROJECT, { againMs: 0 });
  const all = { audience: AUDIENCE, peopleAudience: PEOPLE, keysUrl: issuer.jwksUrl, ...settings };
  const auth = authenticator(all, accounts);
  return {
    ...{ issuer, tenants, authenticator: auth },
    callerOf: (token) => outcome(auth.authenticate({ ...none, authorization: `Bearer ${token}` })),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export async function outcome(calling: Promise<Caller>): Promise<Caller | string> {
  try {
    return await calling;
  } catch (error) {
    if (error instanceof Unauthenticated) return error.message;
    throw error;
  }
}
