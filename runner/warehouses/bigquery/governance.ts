/** What people said about a table that is created anew: who may see which rows and columns, and in which words. */

import { isNotFound } from '../../bigquery/failure.ts';
import type { JobRun } from '../../bigquery/jobs.ts';
import { list, quoteName, quoteText } from '../../bigquery/sql.ts';
import type { TableRef } from '../../core/contracts/warehouse.ts';
import { dropTable } from './calls.ts';
import { qualified, STATE_PREFIX, stateOf } from './names.ts';
import type { Session } from './session.ts';

interface Field {
  readonly name: string;
  readonly description?: string | null;
  readonly policyTags?: { readonly names?: readonly string[] } | null;
}

interface Resource {
  readonly description?: string | null;
  readonly friendlyName?: string | null;
  readonly labels?: Readonly<Record<string, string>> | null;
  readonly expirationTime?: string | null;
  readonly encryptionConfiguration?: { readonly kmsKeyName?: string } | null;
  readonly schema?: { readonly fields?: readonly Field[] };
}

interface RowPolicy {
  readonly id: string;
  readonly filter: string;
  readonly grantees: readonly string[];
}

export interface Governance {
  readonly table: Resource;
  readonly policies: readonly RowPolicy[];
}

interface ApiPolicies {
  readonly rowAccessPolicies?: readonly {
    readonly rowAccessPolicyReference: { readonly policyId: string };
    readonly filterPredicate: string;
    readonly grantees?: readonly string[];
  }[];
}

/** Where it is kept while the table is made anew: a run that dies then leaves it to the next one, in the evidence. */
export function keptGovernance(tenant: string, source: string): TableRef {
  const { dataset, table } = stateOf(tenant, source);
  return { dataset, table: table.replace(STATE_PREFIX, '_governance_') };
}

export async function keepGovernance(session: Session, run: JobRun, governance: Governance): Promise<void> {
  const name = qualified(session.api.project, keptGovernance(run.tenant, run.source));
  const words = quoteText(JSON.stringify(governance));
  await session.execute('recreate', run, `CREATE OR REPLACE TABLE ${name} AS SELECT ${words} AS governance`);
}

/** What a run left that died while it made the table anew is put back, before any row is in it. */
export async function restoreKept(session: Session, run: JobRun, target: TableRef): Promise<readonly string[]> {
  const kept = keptGovernance(run.tenant, run.source);
  const sql = `SELECT governance FROM ${qualified(session.api.project, kept)}`;
  const [row] = await session.query('read', run, { sql, parameters: [] });
  const governance = JSON.parse(String(row?.governance)) as Governance;
  const lost = await restoreGovernance(session, run, target, governance).catch((error: unknown) => {
    if (isNotFound(error)) return [];
    throw error;
  });
  await dropTable(session, kept);
  return lost;
}

interface ApiIam {
  readonly bindings?: readonly { readonly role: string; readonly members?: readonly string[] }[];
}

const FILTERED_VIEWER = 'roles/bigquery.filteredDataViewer';

export async function readGovernance({ api, call }: Session, { dataset, table }: TableRef): Promise<Governance> {
  const path = `/datasets/${dataset}/tables/${table}`;
  const [resource, listed] = await Promise.all([
    call(() => api.request<Resource>({ path })),
    call(() => api.request<ApiPolicies>({ path: `${path}/rowAccessPolicies` })),
  ]);
  const policies = (listed.rowAccessPolicies ?? []).map(async (policy): Promise<RowPolicy> => {
    const id = policy.rowAccessPolicyReference.policyId;
    const iam = { method: 'POST', path: `${path}/rowAccessPolicies/${id}:getIamPolicy`, body: {} } as const;
    const grantees = policy.grantees ?? membersOf(await call(() => api.request<ApiIam>(iam)));
    return { id, filter: policy.filterPredicate, grantees: [...grantees].sort() };
  });
  return { table: resource, policies: await Promise.all(policies) };
}

function membersOf({ bindings = [] }: ApiIam): readonly string[] {
  return bindings.flatMap(({ role, members = [] }) => (role === FILTERED_VIEWER ? members : []));
}

/**
 * Puts back what was read before, on a table that is new and empty, and says in words what is not as it was.
 */
export async function restoreGovernance(
  session: Session,
  run: JobRun,
  target: TableRef,
  before: Governance,
): Promise<readonly string[]> {
  const { api, call } = session;
  const path = `/datasets/${target.dataset}/tables/${target.table}`;
  const now = await call(() => api.request<Resource>({ path }));
  const body = patchOf(before.table, now);
  if (body !== null) await call(() => api.request({ method: 'PATCH', path, body }));
  for (const policy of before.policies)
    await session.execute('recreate', run, createPolicy(`${api.project}.${target.dataset}.${target.table}`, policy));
  return differences(before, await readGovernance(session, target));
}

/** @returns null where the new table has it all */
export function patchOf(before: Resource, now: Resource): object | null {
  const old = new Map((before.schema?.fields ?? []).map((field) => [field.name, field]));
  const tagged = (now.schema?.fields ?? []).map((field) => {
    const names = old.get(field.name)?.policyTags?.names ?? [];
    return names.length === 0 || field.policyTags?.names?.length ? field : { ...field, policyTags: { names } };
  });
  const labels = Object.entries(before.labels ?? {}).filter(([key]) => now.labels?.[key] === undefined);
  const patch = {
    ...(tagged.some((field, i) => field !== now.schema?.fields?.[i]) ? { schema: { fields: tagged } } : {}),
    ...(labels.length > 0 ? { labels: { ...now.labels, ...Object.fromEntries(labels) } } : {}),
    ...(before.description && !now.description ? { description: before.description } : {}),
    ...(before.friendlyName && !now.friendlyName ? { friendlyName: before.friendlyName } : {}),
    ...(before.expirationTime && !now.expirationTime ? { expirationTime: before.expirationTime } : {}),
  };
  return Object.keys(patch).length === 0 ? null : patch;
}

export function createPolicy(table: string, { id, filter, grantees }: RowPolicy): string {
  const grant = grantees.length === 0 ? '' : ` GRANT TO (${list(grantees, quoteText)})`;
  return `CREATE OR REPLACE ROW ACCESS POLICY ${quoteName(id)} ON ${quoteName(table)}${grant} FILTER USING (${filter})`;
}

/** What the table had and has no more. */
export function differences(before: Governance, after: Governance): readonly string[] {
  const found: string[] = [];
  const fields = new Map((after.table.schema?.fields ?? []).map((field) => [field.name, field]));
  for (const { name, policyTags } of before.table.schema?.fields ?? []) {
    for (const tag of policyTags?.names ?? [])
      if (!fields.get(name)?.policyTags?.names?.includes(tag)) found.push(`policy tag ${tag} of column ${name}`);
  }
  for (const [key, value] of Object.entries(before.table.labels ?? {}))
    if (after.table.labels?.[key] === undefined) found.push(`label ${key}=${value}`);
  const policies = new Map(after.policies.map((policy) => [policy.id, JSON.stringify(policy)]));
  for (const policy of before.policies)
    if (policies.get(policy.id) !== JSON.stringify(policy)) found.push(`row access policy ${policy.id}`);
  const single = ['description', 'friendlyName', 'expirationTime'] as const;
  for (const what of single) if (before.table[what] && !after.table[what]) found.push(what);
  const key = before.table.encryptionConfiguration?.kmsKeyName;
  if (key !== undefined && after.table.encryptionConfiguration?.kmsKeyName !== key) found.push(`the key ${key}`);
  return found;
}
