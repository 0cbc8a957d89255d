import type pg from 'pg';

/** The row of a query that always gives one. */
export async function row<T extends pg.QueryResultRow>(
  client: pg.Client,
  text: string,
  values: unknown[] = [],
): Promise<T> {
  return (await client.query<T>(text, values)).rows[0] as T;
}
