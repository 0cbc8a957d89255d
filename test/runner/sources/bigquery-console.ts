/** Statements for the emulator, as a person would type them. */
import { startMeter } from '../../../runner/bigquery/billing.ts';
import { openClient } from '../../../runner/bigquery/client.ts';
import { createJobs } from '../../../runner/bigquery/jobs.ts';
import type { Row } from '../../../runner/bigquery/values.ts';
import { budgetOf, systemClock } from '../../../runner/core/retry.ts';

export interface Console {
  run(sql: string): Promise<void>;
  rows(sql: string): Promise<readonly Row[]>;
  dataset(project: string, dataset: string, location?: string): Promise<void>;
  /** Name and type of each column, as the API has them. */
  columns(project: string, dataset: string, table: string): Promise<(readonly [string, string])[]>;
}

export function openConsole(endpoint: string, project: string): Console {
  const api = openClient({ project, location: 'US', endpoint });
  const jobs = createJobs({ api, clock: systemClock, budget: budgetOf({}), labels: {}, meter: startMeter(0) });
  const request = (query: string) => ({
    purpose: 'console',
    run: null,
    configuration: { query: { query, useLegacySql: false } },
  });
  return {
    run: async (sql) => {
      await jobs.run(request(sql));
    },
    rows: (sql) => jobs.query(request(sql)),
    dataset: async (owner, datasetId, location = 'US') => {
      const body = { datasetReference: { projectId: owner, datasetId }, location };
      await openClient({ project: owner, location, endpoint }).request({ method: 'POST', path: '/datasets', body });
    },
    columns: async (owner, dataset, table) => {
      type Answer = { schema: { fields: { name: string; type: string }[] } };
      const path = `/datasets/${dataset}/tables/${table}`;
      const { schema } = await openClient({ project: owner, location: 'US', endpoint }).request<Answer>({ path });
      return schema.fields.map(({ name, type }) => [name, type] as const);
    },
  };
}
