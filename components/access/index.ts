/** What reading through a connection takes, one file for each kind. Pure. */
import type { ConnectionArgs } from '../tenant-args.ts';
import type { TenantPlan } from '../tenant-plan.ts';
import type { Access, Reader, Reading } from './access.ts';
import { azureBlobAccess } from './azure-blob.ts';
import { bigqueryAccess } from './bigquery.ts';
import { firestoreAccess } from './firestore.ts';
import { gcsAccess } from './gcs.ts';
import { s3Access } from './s3.ts';
import { mysqlAccess, postgresAccess } from './server.ts';

type Kind = keyof ConnectionArgs;

const kinds: { [K in Kind]-?: (reading: Reading<NonNullable<ConnectionArgs[K]>>) => Access } = {
  postgres: postgresAccess,
  mysql: mysqlAccess,
  bigquery: bigqueryAccess,
  firestore: firestoreAccess,
  gcs: gcsAccess,
  s3: s3Access,
  azureBlob: azureBlobAccess,
};

/** The access of one connection of a tenant. */
export function accessOf(plan: TenantPlan, name: string): Access {
  const connection = plan.connections[name] ?? {};
  const reading = { name, plan, readers: readersOf(plan, name) };
  const [access = NOTHING] = (Object.keys(kinds) as Kind[]).flatMap((kind) => {
    const part = connection[kind];
    return part === undefined
      ? []
      : [(kinds[kind] as (reading: Reading<unknown>) => Access)({ ...reading, connection: part })];
  });
  return access;
}

/** The runner, and Dataflow where the sources of the connection may exceed their threshold. */
export function readersOf({ runner, dataflow }: TenantPlan, connection: string): Reader[] {
  const readers: Reader[] = [{ identity: 'runner', account: runner }];
  if (dataflow?.connections.includes(connection)) readers.push({ identity: 'dataflow', account: dataflow.account });
  return readers;
}

const NOTHING: Access = { grants: [], commands: [] };
