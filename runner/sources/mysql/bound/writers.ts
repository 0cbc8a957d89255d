/** Who may still write, as the process list and innodb_trx show it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { rows, type Session } from '../connect.ts';

/** A connection that may bring rows which began to be written before a look. */
export interface Writer {
  readonly thread: string;
  /** Id of its transaction, where that changed rows; a prepared one has no thread and keeps its id. */
  readonly transaction: string | null;
  /** Of its running statement: as long as it is the same, so is the statement; the other way round it may differ. */
  readonly statement: string | null;
  /** Seconds of the epoch, rounded down: when its transaction or its statement began, whichever was first. */
  readonly since: number;
}

/** By then a statement that began shows in the process list. */
const SETTLE_MS = 50;
/** innodb_trx is filled anew when nobody asked for it for 100 ms. */
const POLL_MS = 150;

const SILENT = "('Sleep', 'Daemon', 'Binlog Dump', 'Binlog Dump GTID')";

/** The zone of the server's process; where a clock goes back and the hour is there twice, the earlier one. */
const STARTED = `LEAST(UNIX_TIMESTAMP(CONVERT_TZ(trx_started, 'SYSTEM', '+00:00')),
  UNIX_TIMESTAMP(CONVERT_TZ(trx_started - INTERVAL 1 HOUR, 'SYSTEM', '+00:00')) + 3600)`;

const TRANSACTIONS = `SELECT trx_mysql_thread_id AS thread, trx_id AS id, trx_rows_modified AS modified,
  trx_is_read_only AS \`reads\`, ${STARTED} AS since FROM information_schema.INNODB_TRX`;

interface Statement {
  readonly thread: string | number;
  readonly statement: string | number;
  readonly since: string | number;
}

interface Transaction {
  readonly thread: string | number;
  readonly id: string;
  readonly modified: string | number;
  readonly reads: string | number;
  readonly since: string | number;
}

/**
 * Every connection that may have begun to write before this was called and has not ended its transaction.
 *
 * First the statements that run, *then* the transactions: a statement that had ended by the first look left its
 * transaction open for the second, or committed it. The second look counts once it shows this connection's own
 * transaction, which began after the first: the server may answer from a cache.
 *
 * @throws error 1227 without the right PROCESS
 */
export async function listWriters(session: Session): Promise<readonly Writer[]> {
  await sleep(SETTLE_MS);
  const statements = await runningStatements(session);
  await session.client.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  try {
    const [me] = await rows<{ id: string | number }>(session.client, 'SELECT CONNECTION_ID() AS id');
    for (;;) {
      const transactions = await openTransactions(session);
      if (transactions.some(({ thread }) => String(thread) === String(me?.id)))
        return together(statements, transactions);
      await sleep(POLL_MS);
    }
  } finally {
    await session.client.query('COMMIT');
  }
}

/** Waits for them to end; gives those that have not. A later look may be stale, which only makes the wait longer. */
export async function outwait(
  session: Session,
  writers: readonly Writer[],
  waitMs: number,
): Promise<readonly Writer[]> {
  let left = writers;
  for (const end = Date.now() + waitMs; left.length > 0 && Date.now() < end; ) {
    await sleep(POLL_MS);
    const now = together(await runningStatements(session), await openTransactions(session));
    left = left.flatMap((writer) => still(writer, now));
  }
  return left;
}

/**
 * What is left of a writer. One whose statement was running may have got its transaction meanwhile: that one has to
 * end, and whether it is of that statement or of a later one does not matter.
 */
function still(writer: Writer, now: readonly Writer[]): readonly Writer[] {
  if (writer.transaction !== null)
    return now.some(({ transaction }) => transaction === writer.transaction) ? [writer] : [];
  const same = now.find(({ thread }) => thread === writer.thread);
  if (same === undefined) return [];
  if (same.transaction !== null) return [{ ...same, since: Math.min(same.since, writer.since) }];
  return same.statement === writer.statement ? [writer] : [];
}

/** MySQL numbers no statements: there, when it began tells one from the next. */
async function runningStatements({ client, mariadb }: Session): Promise<readonly Statement[]> {
  const since = mariadb ? 'FLOOR(UNIX_TIMESTAMP(NOW(6)) - TIME_MS / 1000)' : 'UNIX_TIMESTAMP() - TIME - 1';
  const statement = mariadb ? 'QUERY_ID' : `FLOOR((UNIX_TIMESTAMP() - TIME) / 2)`;
  return rows<Statement>(
    client,
    `SELECT ID AS thread, ${statement} AS statement, ${since} AS since FROM information_schema.PROCESSLIST
     WHERE ID <> CONNECTION_ID() AND COMMAND NOT IN ${SILENT} AND USER <> 'system user'`,
  );
}

function openTransactions({ client }: Session): Promise<readonly Transaction[]> {
  return rows<Transaction>(client, TRANSACTIONS);
}

/** One that only reads writes nothing; one that is idle and changed nothing will stamp what it writes later. */
function together(statements: readonly Statement[], transactions: readonly Transaction[]): readonly Writer[] {
  const reading = new Set(transactions.filter(({ reads }) => Number(reads) === 1).map(({ thread }) => String(thread)));
  const found = new Map<string, Writer>();
  for (const { thread, statement, since } of statements) {
    if (reading.has(String(thread))) continue;
    found.set(String(thread), {
      thread: String(thread),
      transaction: null,
      statement: String(statement),
      since: Number(since),
    });
  }
  for (const { thread, id, modified, reads, since } of transactions) {
    if (Number(reads) === 1 || Number(modified) === 0) continue;
    // A prepared transaction of a connection that is gone has the thread 0, as others may.
    const key = Number(thread) === 0 ? `0/${id}` : String(thread);
    const running = found.get(key);
    const began = Math.min(Number(since), running?.since ?? Number.POSITIVE_INFINITY);
    found.set(key, { thread: String(thread), transaction: id, statement: running?.statement ?? null, since: began });
  }
  return [...found.values()];
}
