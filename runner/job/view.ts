/** Runs that only look, for the wizard: test, discover, plan. */
import type { Check } from '../core/contracts/source.ts';
import type { Problem } from '../core/errors.ts';
import { connectionSpec, openConnection, sourceSpec } from './connect.ts';
import { isYes, type Job, requiredOption, stretchOf, textOption } from './job.ts';
import { checkConnection, lookAt, objectDocument, planDocument, planRun } from './look.ts';
import { objectNamed } from './object-name.ts';
import { environment, openWarehouse } from './warehouse.ts';

export interface Answer {
  readonly summary: Readonly<Record<string, unknown>>;
  /** What was looked at is not as it should be. */
  readonly problem: Problem | null;
}

/** An answer goes into one document of the run store. */
const ANSWER_BYTES = 400_000;

/** @param tell something that happened on the way */
export async function testConnection(
  job: Job,
  tell: (data: Readonly<Record<string, unknown>>) => void,
): Promise<Answer> {
  const { tenant, secrets, signal } = job;
  const connection = requiredOption(job, 'connection');
  await using source = await openConnection(tenant, connection, secrets);
  const checks: Check[] = [];
  for await (const check of checkConnection(source, tenant, connection, signal)) {
    checks.push(check);
    tell({ check });
  }
  const failed = checks.find(({ status }) => status === 'fail');
  return { summary: { tenant: tenant.tenant, connection, checks }, problem: failed?.problem ?? null };
}

export async function discover(job: Job): Promise<Answer> {
  const { tenant, secrets, signal } = job;
  const connection = requiredOption(job, 'connection');
  const { kind } = connectionSpec(tenant, connection);
  await using source = await openConnection(tenant, connection, secrets);
  const named = textOption(job, 'object');
  const about = { tenant: tenant.tenant, connection };
  if (named !== null) {
    const looked = await lookAt(source, objectNamed(kind, named, tenant, connection), signal);
    return { summary: { ...about, object: objectDocument(looked) }, problem: null };
  }
  const found = await source.discover(signal);
  let bytes = 0;
  const objects = found.filter((object) => {
    bytes += JSON.stringify(object).length;
    return bytes < ANSWER_BYTES;
  });
  const left = found.length - objects.length;
  return { summary: { ...about, objects, ...(left === 0 ? {} : { left }) }, problem: null };
}

export async function plan(job: Job): Promise<Answer> {
  const { settings, run, tenant, secrets, log, signal } = job;
  const spec = sourceSpec(tenant, run.source);
  await using source = await openConnection(tenant, spec.connection, secrets, spec);
  await using warehouse = await openWarehouse(settings, tenant, {
    onWarning: (text) => log.write('WARNING', text),
    onWait: (holder) => log.write('INFO', `waiting: ${holder}`),
  });
  const backfill = stretchOf(job);
  await using answer = await planRun(
    {
      ...{ tenant, sourceName: run.source, source, warehouse, runId: run.runId },
      ...{ env: environment(), yes: isYes(job) },
      ...(backfill === null ? {} : { backfill }),
    },
    signal,
  );
  // The brake is part of the answer; looking has succeeded.
  return { summary: planDocument(answer, tenant.tenant, run.source), problem: null };
}
