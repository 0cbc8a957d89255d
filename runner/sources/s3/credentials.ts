/** Who asks: a role that trusts the runner's Google identity, or a key. */
import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { awsAudience } from '../../../tenants/naming.ts';
import { googleIdentityToken } from '../../identity/google.ts';
import type { S3Request } from './index.ts';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** The client asks for new ones five minutes before. */
  readonly expiration?: Date;
}

/** Why no credentials came: what the metadata server or STS answered. */
export class LoginFailed extends Error {}

const SESSION_SECONDS = 3600;

/** Asked for credentials before the first request, and before those of a role end. */
export function credentialsOf({ tenant, name, connection, secrets }: S3Request): () => Promise<Credentials> {
  const { role, region, accessKeyId, secret } = connection;
  if (role === undefined)
    return async () => ({ accessKeyId: accessKeyId ?? '', secretAccessKey: await secrets.get(secret ?? '') });
  return () => assumeRole(role, region, `tributary-${tenant}-${name}`, awsAudience(tenant));
}

/**
 * Exchanges the runner's token for an hour of the role (AssumeRoleWithWebIdentity, which takes no signature). The
 * address of STS is that of the region; AWS_ENDPOINT_URL_STS names another one.
 */
async function assumeRole(role: string, region: string, session: string, audience: string): Promise<Credentials> {
  const token = await googleIdentityToken(audience).catch((cause: unknown) => {
    throw new LoginFailed(`no token of Google for the audience ${audience}: ${(cause as Error).message}`, { cause });
  });
  const sts = new STSClient({ region, maxAttempts: 1 });
  try {
    const { Credentials: given } = await sts.send(
      new AssumeRoleWithWebIdentityCommand({
        ...{ RoleArn: role, WebIdentityToken: token, DurationSeconds: SESSION_SECONDS },
        // Letters, digits and =,.@-_ are allowed, 64 at most.
        RoleSessionName: session.replaceAll(/[^\w=,.@-]/g, '-').slice(0, 64),
      }),
    );
    const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken, Expiration } = given ?? {};
    if (!accessKeyId || !secretAccessKey) throw new LoginFailed('STS gave no credentials');
    return {
      ...{ accessKeyId, secretAccessKey },
      ...(SessionToken && { sessionToken: SessionToken }),
      ...(Expiration && { expiration: Expiration }),
    };
  } finally {
    sts.destroy();
  }
}
