import type { Grant } from '../grant.ts';
import type { BigqueryConnectionArgs } from '../tenant-args.ts';
import type { Access, Reading } from './access.ts';

const ROLE = 'roles/bigquery.dataViewer';

/** Everybody may read these. */
const PUBLIC_PROJECTS = new Set(['bigquery-public-data']);

/** Per dataset, never per project: the project may hold what is not this tenant's. */
export function bigqueryAccess({ connection, plan, readers }: Reading<BigqueryConnectionArgs>): Access {
  const { project } = connection;
  const datasets = connection.datasets ?? [];
  const sessions = readers.map(
    ({ identity, account }): Grant => ({
      identity,
      member: account.member,
      role: 'roles/bigquery.readSessionUser',
      scope: { on: 'project', project: plan.project },
    }),
  );
  if (PUBLIC_PROJECTS.has(project)) return { grants: sessions, commands: [] };
  if (project !== plan.project) {
    const commands = datasets.flatMap((dataset) =>
      readers.map(
        ({ account }) => `bq add-iam-policy-binding --member=${account.member} --role=${ROLE} ${project}:${dataset}`,
      ),
    );
    return { grants: sessions, commands };
  }
  const own = new Set([plan.raw, plan.staging, plan.evidence, ...plan.datasets]);
  const viewed = datasets.filter((dataset) => !own.has(dataset));
  const viewers = viewed.flatMap((name) =>
    readers.map(
      ({ identity, account }): Grant => ({
        identity,
        member: account.member,
        role: ROLE,
        scope: { on: 'dataset', project, name },
      }),
    ),
  );
  return { grants: [...sessions, ...viewers], commands: [] };
}
