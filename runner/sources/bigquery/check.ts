/** The connection test: one named step after the other, each with what it found. */
import type { Check, ObjectRef } from '../../core/contracts/source.ts';
import { type Problem, problemOf, TributaryError } from '../../core/errors.ts';
import { describe, isCursorType, type Known } from './describe.ts';
import { parseTableName } from './name.ts';
import { fromClause } from './query.ts';
import type { SourceSession } from './session.ts';
import { createReadSession, STORAGE_HOST } from './storage.ts';

type Outcome = Pick<Check, 'status' | 'found' | 'problem'>;

const pass = (found?: string): Outcome => ({ status: 'pass', ...(found === undefined ? {} : { found }) });
const warn = (found: string, problem: Problem): Outcome => ({ status: 'warn', found, problem });
const skip = (found: string): Outcome => ({ status: 'skip', found });

/** Tests a connection; ends after the first failed step that makes the rest pointless. Never throws, and reads no row. */
export async function* checkConnection(
  session: SourceSession,
  { object, cursor }: { readonly object?: ObjectRef; readonly cursor?: string },
  signal: AbortSignal,
): AsyncGenerator<Check, void, undefined> {
  const step = async (id: string, title: string, work: () => Promise<Outcome>): Promise<Check> => {
    const start = performance.now();
    const ms = () => Math.round(performance.now() - start);
    try {
      signal.throwIfAborted();
      return { id, title, ...(await session.told(object, work)), ms: ms() };
    } catch (error) {
      return { id, title, status: 'fail', ms: ms(), problem: problemOf(error) };
    }
  };
  const { project, billed, location } = session.options;
  const login = await step('login', 'Credentials and metadata', async () => {
    await session.metadata({ path: '/datasets', query: { maxResults: 1 } });
    return pass(project);
  });
  yield login;
  if (login.status === 'fail') return;
  const jobs = await step('jobs', 'Permission to run jobs', async () => {
    await session.dryRun('SELECT 1', { signal });
    return pass(`billed to ${billed}, ${location}`);
  });
  yield jobs;
  if (jobs.status === 'fail' || object === undefined) return;
  let known: Known | undefined;
  const seen = await step('permission', 'Permission to read', async () => {
    known = await describe(session, object, signal);
    return permission(session, object, known);
  });
  yield seen;
  if (known === undefined || seen.status === 'fail') return;
  const found = known;
  yield await step('storage', 'Storage Read API', () => readable(session, object, found));
  yield await step('filter', 'Partition filter', async () => filter(session, object, found, cursor));
  if (cursor !== undefined) yield await step('cursor', 'Cursor', async () => cursorColumn(found, cursor));
}

async function permission(session: SourceSession, object: ObjectRef, known: Known): Promise<Outcome> {
  const { location, needsFilter, partitionColumn, shape } = known;
  const from = fromClause({ project: session.options.project, object });
  const where = needsFilter ? ` WHERE \`${partitionColumn}\` IS NULL` : '';
  const bytes = await session.dryRun(`SELECT * FROM ${from}${where}`, { location });
  return pass(`${shape.columns.length} columns, ${location}; a query of all of it is billed ${bytes} bytes`);
}

async function readable(session: SourceSession, object: ObjectRef, known: Known): Promise<Outcome> {
  if (!known.plain) return skip(`a ${known.shape.kind} is computed by a query first`);
  const { dataset, table } = parseTableName(object.table ?? '');
  const { streams } = await createReadSession(session.storage(), {
    ...{ project: session.options.project, dataset, table, billed: session.options.billed },
    ...{ columns: [], restriction: '', streams: 1 },
  });
  return pass(`${STORAGE_HOST}, ${streams.length} stream(s)`);
}

function filter(session: SourceSession, object: ObjectRef, known: Known, cursor: string | undefined): Outcome {
  if (!known.needsFilter) return pass('not required');
  if (cursor === known.partitionColumn) return pass(`the window is one on ${cursor}`);
  const facts = { ...session.facts(object), column: known.partitionColumn ?? '' };
  return { status: 'fail', problem: new TributaryError('SOURCE_PARTITION_FILTER', facts).problem };
}

function cursorColumn({ shape, partitionColumn }: Known, cursor: string): Outcome {
  const column = shape.columns.find(({ name }) => name === cursor);
  const facts = { object: shape.name, column: cursor, type: column?.sourceType ?? 'unknown' };
  if (column === undefined)
    return {
      status: 'fail',
      problem: new TributaryError('SOURCE_COLUMN_MISSING', { ...facts, why: 'load.cursor names it' }).problem,
    };
  if (!isCursorType(column.sourceType))
    return { status: 'fail', problem: new TributaryError('SOURCE_CURSOR_UNSUITABLE', facts).problem };
  if (cursor === partitionColumn) return pass(`${column.sourceType}, the partition column`);
  return warn(column.sourceType, new TributaryError('SOURCE_CURSOR_UNPRUNED', facts).problem);
}
