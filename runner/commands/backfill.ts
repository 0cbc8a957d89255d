import { plan } from './plan.ts';
import { type RunOptions, run } from './run.ts';

type BackfillOptions = RunOptions & { readonly from?: unknown; readonly to?: unknown; readonly dryRun?: unknown };

/** Loads `from <= cursor < to` again; the state stays where it is. */
export async function backfill(options: BackfillOptions, tenant: string, source: string): Promise<number> {
  const range = { from: String(options.from), to: String(options.to) };
  return options.dryRun === true
    ? plan(options, tenant, source, range)
    : run(options, tenant, source, { backfill: range });
}
