/** The tenant file of a chaos source; JSON is YAML. */
import type { PostgresServer } from '../servers/postgres.ts';

export const TENANT = 'chaos';
export const SECRET_VARIABLE = 'TRIBUTARY_SECRET_CHAOS_PASSWORD';

export type Load = Readonly<Record<string, unknown>>;

export interface Shape {
  readonly name: string;
  readonly load: Load;
  /** Rows change and vanish at the source, not only come. */
  readonly updates: boolean;
  readonly deletes: boolean;
}

const append = { strategy: 'transactional', mode: 'append', cursor: 'stamp' };
const merge = { strategy: 'transactional', mode: 'merge', key: ['id'], cursor: 'stamp' };

/** Ways of loading whose result must equal the source. */
export const shapes: readonly Shape[] = [
  { name: 'append', load: append, updates: false, deletes: false },
  { name: 'merge', load: merge, updates: true, deletes: false },
  { name: 'replace', load: { strategy: 'catalog', history: 'replace' }, updates: true, deletes: true },
  { name: 'daily', load: { strategy: 'catalog', history: 'daily' }, updates: true, deletes: true },
  { name: 'append by sequence', load: { ...append, cursor: 'version' }, updates: false, deletes: false },
  { name: 'merge with deletes', load: { ...merge, deletes: 'hard' }, updates: true, deletes: true },
  { name: 'append with lookback', load: { ...append, key: ['id'], lookback: '1h' }, updates: false, deletes: false },
  { name: 'merge by sequence', load: { ...merge, cursor: 'version', lookback: '1h' }, updates: true, deletes: false },
];

export function tenantText(
  server: PostgresServer,
  database: string,
  sources: Readonly<Record<string, { readonly table: string; readonly load: Load; readonly columns?: Load }>>,
): string {
  const { host, port, user } = server;
  const connection = { kind: 'postgres', host, port, database, user, tls: 'disable', secret: 'chaos-password' };
  return JSON.stringify({
    tenant: TENANT,
    connections: { db: connection },
    sources: Object.fromEntries(
      Object.entries(sources).map(([name, { table, ...rest }]) => [
        name,
        { connection: 'db', table: `public.${table}`, ...rest },
      ]),
    ),
  });
}
