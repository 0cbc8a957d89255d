/** Writes the rows of a DuckDB query to standard output as CSV: `node feed.ts "<query>" | psql …`. */
import { DuckDBInstance } from '@duckdb/node-api';

const query = process.argv[2];
if (!query) throw new Error('usage: feed.ts <query>');
const instance = await DuckDBInstance.create();
const connection = await instance.connect();
try {
  await connection.run(`COPY (${query}) TO '/dev/stdout' (FORMAT csv, HEADER false)`);
} catch (error) {
  // The reader left; why is its own to say.
  if (!(error as Error).message.includes('Broken pipe')) throw error;
  process.exitCode = 1;
}
