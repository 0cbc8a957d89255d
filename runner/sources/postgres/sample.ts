/** A few rows to look at. */
import type pg from 'pg';

/**
 * The first rows as the server's own texts. The caller gives the list with its masks and casts.
 *
 * @example await sampleRows(client, '"id"::text, \'***\'', '"public"."orders"', 20)
 */
export async function sampleRows(
  client: pg.Client,
  selectList: string,
  from: string,
  limit: number,
): Promise<readonly (readonly (string | null)[])[]> {
  const asIs = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig;
  const result = await client.query<(string | null)[]>({
    text: `SELECT ${selectList} FROM ${from} LIMIT $1`,
    values: [limit],
    rowMode: 'array',
    types: asIs,
  });
  return result.rows;
}
