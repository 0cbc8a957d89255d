/** The managed export of whole collections, for a warehouse that loads it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exported, ExportOffer, Offer, RunFolders } from '../../core/contracts/offer.ts';
import type { ReadSpec, Window } from '../../core/contracts/source.ts';
import { TributaryError } from '../../core/errors.ts';
import { budgetOf, startRetry } from '../../core/retry.ts';
import { type Admin, adminProblem, isTransient, type Operation, openAdmin } from './admin.ts';
import type { FirestoreClient, FirestoreConnection } from './client.ts';
import { factsOf, firestoreProblem } from './errors.ts';
import { objectName } from './names.ts';
import { countQuery, type ReadTime } from './queries.ts';

interface Exporting {
  readonly client: FirestoreClient;
  readonly connection: FirestoreConnection;
  readonly readTime: ReadTime;
  readonly spec: ReadSpec;
}

type Watch = Parameters<ExportOffer['write']>[1];

/** Documents from which an export is worth a word. */
const MANY = 1_000_000;
const FIRST_POLL_MS = 500;
const LONGEST_POLL_MS = 15_000;

/** For a full read of one collection at the root, or of a group, with nothing of it withheld. */
export function exportOffers(exporting: Exporting): readonly Offer[] {
  const { connection, spec } = exporting;
  const { object, columns, late, window, nullCursors } = spec;
  const nested = object.collection?.includes('/') ?? false;
  const withheld = columns.some(({ mask }) => mask !== undefined) || late?.only !== undefined || late?.except.length;
  const reachable = connection.emulator === undefined || connection.admin !== undefined;
  if (window !== null || nullCursors || nested || withheld || !reachable) return [];
  return [
    {
      way: 'export',
      format: 'DATASTORE_BACKUP',
      columns,
      write: (folders, watch) => write(exporting, folders, watch),
    },
  ];
}

/** How the documents travel, in the words of a plan; `null` where there is no choice to speak of. */
export function wayOf(rows: number, window: Window | null, exports: boolean): string | null {
  if (window !== null) return null;
  if (exports)
    return 'managed export into the staging bucket and one load job (execution.firestoreExport), as of the last whole minute; documents are read where that is not exact, or the warehouse is not BigQuery';
  if (rows < MANY) return null;
  return `documents are read in streams; from ${MANY} on, execution: {firestoreExport: true} has BigQuery load a managed export of flat documents`;
}

async function write(exporting: Exporting, folders: RunFolders, watch: Watch): Promise<Exported> {
  const { client, connection, spec } = exporting;
  const name = objectName(spec.object);
  const admin = await openAdmin(connection, name);
  const { operation, outputUriPrefix, snapshotTime } = await findOrStart(admin, exporting, folders, watch.signal);
  const readTime = { seconds: Date.parse(snapshotTime) / 1000, nanos: 0 };
  try {
    // Before the wait: an hour later that time is too old to be counted at.
    const rows = await client.count({ ...countQuery(client.root, spec.object, null), readTime });
    await finished(admin, operation, exporting, watch);
    const uri = `${outputUriPrefix}/all_namespaces/kind_${name}/all_namespaces_kind_${name}.export_metadata`;
    return { uri, rows, collectionId: name, group: spec.object.collectionGroup !== undefined };
  } catch (error) {
    await admin.cancel(operation.name);
    watch.signal.throwIfAborted();
    throw firestoreProblem(error, factsOf(connection, name));
  }
}

interface Begun {
  readonly operation: Operation;
  readonly outputUriPrefix: string;
  readonly snapshotTime: string;
}

/** Exports of this run by their folder: what an attempt before has begun is not begun again. */
async function findOrStart(
  admin: Admin,
  { connection, readTime, spec }: Exporting,
  folders: RunFolders,
  signal: AbortSignal,
): Promise<Begun> {
  const name = objectName(spec.object);
  const givenUp = (error: unknown) => adminProblem(error, connection, name);
  const retry = startRetry({ budget: budgetOf(), isTransient, givenUp });
  for (;;) {
    const all = await admin.list(signal);
    const at = ({ metadata }: Operation) => metadata?.outputUriPrefix ?? '';
    const own = all.filter((operation) => at(operation).startsWith(folders.run));
    const others = all.filter((operation) => at(operation).startsWith(folders.source) && !own.includes(operation));
    await Promise.all(others.filter(({ done }) => done !== true).map((operation) => admin.cancel(operation.name)));
    for (const operation of own) {
      const { outputUriPrefix, snapshotTime } = operation.metadata ?? {};
      const usable = operation.error === undefined && !CANCELLED.has(`${operation.metadata?.operationState}`);
      if (usable && outputUriPrefix !== undefined && snapshotTime !== undefined)
        return { operation, outputUriPrefix, snapshotTime };
    }
    // A folder that was written to is not written to again.
    const asked = { outputUriPrefix: `${folders.run}export-${own.length + 1}`, snapshotTime: wholeMinute(readTime) };
    try {
      return { operation: await admin.exportDocuments({ collectionIds: [name], ...asked }, signal), ...asked };
    } catch (error) {
      await retry.after(error, signal);
    }
  }
}

const CANCELLED: ReadonlySet<string> = new Set(['CANCELLED', 'CANCELLING']);

/** The last whole minute: an export is of no other moments. */
export function wholeMinute({ seconds }: ReadTime): string {
  return new Date(Math.floor(seconds / 60) * 60_000).toISOString().replace('.000Z', 'Z');
}

async function finished(
  admin: Admin,
  begun: Operation,
  { connection, spec }: Exporting,
  { signal, onProgress }: Watch,
): Promise<void> {
  const name = objectName(spec.object);
  let operation = begun;
  for (let wait = FIRST_POLL_MS; operation.done !== true; wait = Math.min(wait * 1.5, LONGEST_POLL_MS)) {
    await sleep(wait, undefined, { signal });
    operation = await admin.get(begun.name, signal);
    const { progressDocuments, progressBytes } = operation.metadata ?? {};
    const number = (progress?: { completedWork?: string }) => Number(progress?.completedWork ?? 0);
    onProgress({ rows: number(progressDocuments), bytes: number(progressBytes), rejected: 0 });
  }
  if (operation.error === undefined) return;
  const { code, message = 'no reason was told' } = operation.error;
  // The status is one of gRPC: 7 is a permission of the service that writes into the bucket.
  const hint =
    code === PERMISSION_DENIED ? ' Firestore itself has to be allowed to write into the staging bucket.' : '';
  const reason = `The export of ${name} ended with: ${message}.${hint}`;
  throw new TributaryError('SOURCE_FAILED', { ...factsOf(connection, name), reason });
}

const PERMISSION_DENIED = 7;
