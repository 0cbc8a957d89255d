import type { ServerConnectionArgs } from '../tenant-args.ts';
import type { Access, Reading } from './access.ts';

/** PostgreSQL: the login is the owner's to create. */
export function postgresAccess({ connection }: Reading<ServerConnectionArgs>): Access {
  const user = `"${connection.user}"`;
  const schemas = new Set(
    (connection.tables ?? []).map((table) => table.split('.').slice(0, -1).join('.') || 'public'),
  );
  return {
    grants: [],
    commands: [
      `GRANT CONNECT ON DATABASE "${connection.database}" TO ${user};`,
      ...[...schemas].map((schema) => `GRANT USAGE ON SCHEMA ${schema} TO ${user};`),
      ...(connection.tables ?? []).map((table) => `GRANT SELECT ON ${table} TO ${user};`),
    ],
  };
}

/** MySQL: the login is the owner's to create. */
export function mysqlAccess({ connection }: Reading<ServerConnectionArgs>): Access {
  const { database, user, tables = [] } = connection;
  const named = tables.map((table) => (table.includes('.') ? table : `${database}.${table}`));
  return { grants: [], commands: named.map((table) => `GRANT SELECT ON ${table} TO '${user}'@'%';`) };
}
