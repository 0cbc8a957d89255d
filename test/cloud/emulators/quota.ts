/** What calls cost of BigQuery's quotas for each table, counted from what the proxy recorded. */
import type { ProxyCall } from './proxy.ts';

/** BigQuery's documented limits of a standard table. */
export const LIMITS = { modificationsPerDay: 1500, updatesPer10Seconds: 5 } as const;

export interface TableUsage {
  /** Load, copy and query jobs that write it, DDL statements, tables.insert, patch and update. */
  readonly modifications: number;
  /** The most of these within any 10 seconds. */
  readonly peakPer10Seconds: number;
  /** INSERT, UPDATE, DELETE, MERGE and TRUNCATE: they have no such limit. */
  readonly dml: number;
}

interface Job {
  readonly configuration?: {
    readonly load?: { readonly destinationTable?: TableReference };
    readonly copy?: { readonly destinationTable?: TableReference };
    readonly query?: { readonly query?: string; readonly destinationTable?: TableReference };
  };
  /** Of jobs.query. */
  readonly query?: string;
}

interface TableReference {
  readonly projectId: string;
  readonly datasetId: string;
  readonly tableId: string;
}

/**
 * Usage by `project.dataset.table`, an upper bound: a statement of a script counts whether or not its branch ran, and a
 * CREATE TABLE IF NOT EXISTS counts where the table is there. What never reached the server does not count.
 *
 * @param day only calls of this UTC day
 */
export function tableUsage(calls: readonly ProxyCall[], day?: string): ReadonlyMap<string, TableUsage> {
  const changes = new Map<string, number[]>();
  const dml = new Map<string, number>();
  for (const call of calls) {
    if (!reached(call) || (day !== undefined && !call.at.toISOString().startsWith(day))) continue;
    for (const table of changedBy(call)) changes.set(table, [...(changes.get(table) ?? []), call.at.getTime()]);
    for (const table of tablesIn(sqlOf(call), DML, projectOf(call))) dml.set(table, (dml.get(table) ?? 0) + 1);
  }
  const tables = [...new Set([...changes.keys(), ...dml.keys()])].sort();
  return new Map(
    tables.map((table) => {
      const times = changes.get(table) ?? [];
      return [table, { modifications: times.length, peakPer10Seconds: peak(times), dml: dml.get(table) ?? 0 }];
    }),
  );
}

function reached({ fault, status }: ProxyCall): boolean {
  if (fault?.how === 'lose request' || fault?.how === 'fail job') return false;
  if (fault?.how === 'answer') return fault.work === true;
  if (fault?.how === 'reset' && fault.during === 'request') return false;
  if (fault?.how === 'vanish') return fault.work;
  return status === null || status < 400;
}

function changedBy(call: ProxyCall): readonly string[] {
  const table = /\/projects\/([^/]+)\/datasets\/([^/]+)\/tables(?:\/([^/?]+))?(?:\?|$)/.exec(call.url);
  if (table !== null) {
    const [, project, dataset, inPath] = table;
    const inBody = (call.body as { tableReference?: TableReference } | null)?.tableReference?.tableId;
    const changes = inPath === undefined ? call.method === 'POST' : call.method === 'PATCH' || call.method === 'PUT';
    return changes ? [`${project}.${dataset}.${inPath ?? inBody}`] : [];
  }
  if (call.method !== 'POST') return [];
  const { load, copy, query } = (call.body as Job | null)?.configuration ?? {};
  const written = [load, copy, query].flatMap((one) => one?.destinationTable ?? []);
  const names = written.map(({ projectId, datasetId, tableId }) => `${projectId}.${datasetId}.${tableId}`);
  return [...names, ...tablesIn(sqlOf(call), DDL, projectOf(call))];
}

function sqlOf(call: ProxyCall): string {
  const job = call.method === 'POST' ? (call.body as Job | null) : null;
  const text = job?.configuration?.query?.query ?? (typeof job?.query === 'string' ? job.query : '');
  return text.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ').replaceAll(/'(?:\\.|[^'\\])*'/g, "''");
}

const projectOf = ({ url }: ProxyCall) => /\/projects\/([^/]+)\//.exec(url)?.[1] ?? '';

const NAME = '((?:`[^`]+`|[\\w-]+)(?:\\.(?:`[^`]+`|[\\w-]+))*)';
const DDL = new RegExp(
  `\\b(?:CREATE(?:\\s+OR\\s+REPLACE)?\\s+(?:TABLE|VIEW)(?:\\s+IF\\s+NOT\\s+EXISTS)?|ALTER\\s+TABLE(?:\\s+IF\\s+EXISTS)?)\\s+${NAME}`,
  'gi',
);
const DML = new RegExp(
  `\\b(?:INSERT(?:\\s+INTO)?|UPDATE|DELETE(?:\\s+FROM)?|MERGE(?:\\s+INTO)?|TRUNCATE\\s+TABLE)\\s+${NAME}`,
  'gi',
);

/** Names without a dataset are temporary tables, or words like the SET of a MERGE. */
function tablesIn(sql: string, pattern: RegExp, project: string): readonly string[] {
  const names = [...sql.matchAll(pattern)].map(([, name = '']) => name.replaceAll('`', '').split('.'));
  const lasting = names.filter((parts) => parts.length > 1);
  return lasting.map((parts) => (parts.length === 2 ? [project, ...parts] : parts).join('.'));
}

function peak(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted.reduce((most, start, index) => {
    const within = sorted.slice(index).filter((time) => time - start < 10_000).length;
    return Math.max(most, within);
  }, 0);
}
