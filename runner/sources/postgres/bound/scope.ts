/** Whose writers a bound has to reckon with. */
import type pg from 'pg';
import { quoteTable, type TableName } from '../identifier.ts';
import { row } from '../row.ts';

export type BoundTarget = (TableName & { readonly schema: string }) | { readonly query: string };

export interface BoundOptions {
  /** Distance kept from the clock where nothing better can be proved. */
  readonly lagSeconds: number;
  /** How long to wait for the writers that stand in the way. */
  readonly waitMs: number;
}

export interface Scope extends BoundOptions {
  readonly client: pg.Client;
  readonly target: BoundTarget;
  readonly standby: boolean;
  /** Relations through which the rows may be written; `null` for all of the database. */
  readonly oids: readonly number[] | null;
  /** Why writers cannot be seen at all. */
  readonly blind: string | null;
}

export async function scopeOf(client: pg.Client, target: BoundTarget, options: BoundOptions): Promise<Scope> {
  const { standby } = await row<{ standby: boolean }>(client, 'SELECT pg_is_in_recovery() AS standby');
  const reach = 'query' in target ? await reachOfQuery(client) : await reachOfTable(client, target);
  return { ...options, ...reach, client, target, standby };
}

type Reach = Pick<Scope, 'oids' | 'blind'>;

async function reachOfQuery(client: pg.Client): Promise<Reach> {
  const sql = 'SELECT EXISTS (SELECT FROM pg_subscription_rel) AS subscribed';
  const { subscribed } = await row<{ subscribed: boolean }>(client, sql);
  return { oids: null, blind: subscribed ? 'some tables are filled by logical replication' : null };
}

/** The table, its partitions and children; of a view, what it is made from. */
async function reachOfTable(client: pg.Client, table: TableName): Promise<Reach> {
  const { rows } = await client.query<{ oid: string; relkind: string; subscribed: boolean }>(
    `WITH RECURSIVE reach(oid) AS (
       SELECT to_regclass($1)::oid
       UNION SELECT next.oid FROM reach r CROSS JOIN LATERAL (
         SELECT inhrelid AS oid FROM pg_inherits WHERE inhparent = r.oid
         UNION ALL SELECT d.refobjid FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass
           AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass WHERE w.ev_class = r.oid AND w.rulename = '_RETURN'
       ) next)
     SELECT c.oid, c.relkind, EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = c.oid) AS subscribed
     FROM reach JOIN pg_class c USING (oid)`,
    [quoteTable(table)],
  );
  const has = (kind: string) => rows.some(({ relkind }) => relkind === kind);
  const reasons = [
    [has('f'), 'a foreign table is written elsewhere'],
    [has('m'), 'a materialized view shows rows only once it is refreshed, so the lag must exceed its refresh interval'],
    [
      rows.some(({ subscribed }) => subscribed),
      'the table is filled by logical replication, with the times and numbers of its origin',
    ],
  ] as const;
  const blind = reasons.find(([holds]) => holds)?.[1] ?? null;
  // A view may call functions that read anything.
  return { oids: has('v') ? null : rows.map(({ oid }) => Number(oid)), blind };
}
