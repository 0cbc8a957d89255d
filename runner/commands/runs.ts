import { rowsText, table } from '../display/text.ts';
import { EXIT } from '../job/exit.ts';
import type { RunSummary } from '../pipeline/summary.ts';
import { openStore, openTenant } from './context.ts';
import { type GlobalOptions, print } from './outcome.ts';

export async function runs(
  options: GlobalOptions & { readonly limit?: unknown },
  tenantName: string,
  source?: string,
): Promise<number> {
  openTenant(options, tenantName);
  await using store = await openStore();
  const found = await store.list({
    tenant: tenantName,
    ...(source === undefined ? {} : { source }),
    limit: Number(options.limit ?? 20),
  });
  if (options.json) {
    print({ tenant: tenantName, runs: found });
    return EXIT.done;
  }
  const lines = found.map(({ runId, source: name, status, startedAt, summary, problem }) => {
    const { rows, seconds, mode } = summary as Partial<RunSummary>;
    return [
      runId,
      name,
      mode === 'undo' ? `${status} (undo)` : status,
      startedAt,
      rowsText(rows?.loaded ?? null),
      seconds?.total === undefined ? '' : `${seconds.total} s`,
      problem?.code ?? '',
    ];
  });
  process.stdout.write(
    lines.length === 0
      ? 'No runs yet.\n'
      : table(['run', 'source', 'status', 'started (UTC)', 'rows', 'took', 'problem'], lines),
  );
  return EXIT.done;
}
