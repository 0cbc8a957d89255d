import type { Grant } from '../grant.ts';
import type { GcsConnectionArgs } from '../tenant-args.ts';
import type { Access, Reading } from './access.ts';

const ROLE = 'roles/storage.objectViewer';

/** The name of a bucket does not tell whose it is; only one said to be of the tenant's project is granted here. */
export function gcsAccess({ connection, plan, readers }: Reading<GcsConnectionArgs>): Access {
  const { bucket, project } = connection;
  if (project !== plan.project) {
    const commands = readers.map(
      ({ account }) =>
        `gcloud storage buckets add-iam-policy-binding gs://${bucket} --member=${account.member} --role=${ROLE}`,
    );
    return { grants: [], commands };
  }
  const grants = readers.map(
    ({ identity, account }): Grant => ({
      identity,
      member: account.member,
      role: ROLE,
      scope: { on: 'bucket', name: bucket },
    }),
  );
  return { grants, commands: [] };
}
