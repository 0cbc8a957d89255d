import type { Grant } from '../grant.ts';
import type { FirestoreConnectionArgs } from '../tenant-args.ts';
import type { Access, Reading } from './access.ts';

const ROLE = 'roles/datastore.viewer';

/** Firestore has no policy of its own for a database: the project's, narrowed to it by a condition. */
export function firestoreAccess({ connection, plan, readers }: Reading<FirestoreConnectionArgs>): Access {
  const { project, database } = connection;
  const title = `database ${database}`;
  const expression = `resource.name == "projects/${project}/databases/${database}"`;
  if (project !== plan.project) {
    const commands = readers.map(
      ({ account }) =>
        `gcloud projects add-iam-policy-binding ${project} --member=${account.member} --role=${ROLE} --condition='title=${title},expression=${expression}'`,
    );
    return { grants: [], commands };
  }
  const grants = readers.map(
    ({ identity, account }): Grant => ({
      identity,
      member: account.member,
      role: ROLE,
      scope: { on: 'project', project },
      condition: { title, expression },
    }),
  );
  return { grants, commands: [] };
}
