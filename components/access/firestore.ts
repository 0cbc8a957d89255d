import type { Grant } from '../grant.ts';
import type { FirestoreConnectionArgs } from '../tenant-args.ts';
import type { Access, Reader, Reading } from './access.ts';

const VIEWER = 'roles/datastore.viewer';
const EXPORTER = 'roles/datastore.importExportAdmin';

/** Firestore has no policy of its own for a database: the project's, narrowed to it by a condition. */
export function firestoreAccess({ connection, plan, readers }: Reading<FirestoreConnectionArgs>): Access {
  const { project, database, exported = false } = connection;
  const name = `projects/${project}/databases/${database}`;
  const whole = { title: `database ${database}`, expression: `resource.name == "${name}"` };
  // An export is an operation below the database, and is asked for by that name.
  const below = { ...whole, expression: `${whole.expression} || resource.name.startsWith("${name}/")` };
  const rolesOf = ({ identity }: Reader) => [
    { role: VIEWER, condition: whole },
    ...(exported && identity === 'runner' ? [{ role: EXPORTER, condition: below }] : []),
  ];
  if (project !== plan.project) {
    const commands = readers.flatMap((reader) =>
      rolesOf(reader).map(
        ({ role, condition: { title, expression } }) =>
          `gcloud projects add-iam-policy-binding ${project} --member=${reader.account.member} --role=${role} --condition='title=${title},expression=${expression}'`,
      ),
    );
    return { grants: [], commands };
  }
  const grants = readers.flatMap((reader) =>
    rolesOf(reader).map(({ role, condition }): Grant => {
      const { identity, account } = reader;
      return { identity, member: account.member, role, scope: { on: 'project', project }, condition };
    }),
  );
  return { grants, commands: [] };
}
