/** Whether the server follows another one, and how far behind it is. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TributaryError } from '../../../core/errors.ts';
import { rows, type Session } from '../connect.ts';

export interface Replica {
  /** Seconds behind the server that it follows; `null` where it does not say. */
  readonly behind: number | null;
  /** Why it does not follow now; `null` where it does. */
  readonly stopped: string | null;
  /** It follows nobody, but is a member of a cluster or refuses writes. */
  readonly member: boolean;
}

type StatusRow = Readonly<Record<string, string | number | null>>;

const POLL_MS = 200;
/** What a server says is cut to whole seconds, of two clocks. */
const CUT_SECONDS = 1;

/**
 * `null`: it follows none. The worst counts where it follows several. Without the right to ask, and for a member of a
 * cluster, whoever refuses writes or applies those of others is taken to be a replica.
 */
export async function replicaOf(session: Session): Promise<Replica | null> {
  const followed = await followedServers(session);
  if (followed !== null && followed.length > 0) {
    const behind = followed.map((one) => one.behind);
    const known = behind.filter((one) => one !== null);
    const stopped = followed.find((one) => one.stopped !== null)?.stopped ?? null;
    return { behind: known.length < behind.length ? null : Math.max(...known), stopped, member: false };
  }
  return (await appliesOthers(session)) ? { behind: null, stopped: null, member: followed !== null } : null;
}

/** Those that it is set up to follow; `null` without the right to ask. */
async function followedServers({ client, mariadb }: Session): Promise<readonly Replica[] | null> {
  for (const statement of mariadb ? ['SHOW ALL REPLICAS STATUS'] : ['SHOW REPLICA STATUS', 'SHOW SLAVE STATUS']) {
    try {
      return (await rows<StatusRow>(client, statement)).filter(isFollowed).map(stateOf);
    } catch (error) {
      const { errno } = error as { errno?: number };
      // 1064: an older version has the older word.
      if (errno !== 1064 && errno !== 1227 && errno !== 1226) throw error;
      if (errno !== 1064) return null;
    }
  }
  return null;
}

/** By this channel a member of a cluster caught up when it joined. */
function isFollowed({ Channel_Name: channel }: StatusRow): boolean {
  return channel !== 'group_replication_recovery';
}

function stateOf(status: StatusRow): Replica {
  const of = (name: string) =>
    status[name] ?? status[name.replace('Replica', 'Slave').replace('Source', 'Master')] ?? null;
  const [io, sql] = [of('Replica_IO_Running'), of('Replica_SQL_Running')];
  const errors = [of('Last_IO_Errno'), of('Last_SQL_Errno')].filter((errno) => Number(errno) > 0);
  const why = errors.length === 0 ? '' : `, error ${errors.join(' and ')}`;
  const running = io === 'Yes' && sql === 'Yes';
  const said = of('Seconds_Behind_Source');
  return {
    // One that is late on purpose may say 0 while it waits.
    behind: said === null ? null : Math.max(Number(said), Number(of('SQL_Delay') ?? 0)),
    stopped: running ? null : `IO thread: ${io}, SQL thread: ${sql}${why}`,
    member: false,
  };
}

/** Threads that apply others' writes show to who has the right PROCESS. */
async function appliesOthers({ client }: Session): Promise<boolean> {
  const [server] = await rows<Readonly<Record<'locked' | 'engine' | 'threads', string | number>>>(
    client,
    `SELECT CAST(@@GLOBAL.read_only AS CHAR) AS locked, CAST(@@GLOBAL.innodb_read_only AS CHAR) AS \`engine\`,
       (SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'system user' AND COMMAND <> 'Daemon') AS threads`,
  );
  const isOff = (setting: unknown) => setting === '0' || setting === 'OFF';
  return !isOff(server?.locked) || !isOff(server?.engine) || Number(server?.threads) > 0;
}

/** How much earlier a window has to end on it. */
export function secondsBehind(replica: Replica | null): number {
  return replica === null ? 0 : (replica.behind ?? 0) + CUT_SECONDS;
}

/** Why it does not show who writes. */
export function blindness({ behind, member }: Replica): string {
  if (member) return 'a member of a cluster, or a server that refuses writes, does not show who writes elsewhere';
  const far = behind === null ? 'it does not say how far behind' : `${behind} s behind`;
  return `a replica (${far}) does not show who writes at its source`;
}

/** @throws SOURCE_REPLICA_STOPPED */
export function throwIfStopped(replica: Replica | null): void {
  if (replica?.stopped) throw new TributaryError('SOURCE_REPLICA_STOPPED', { reason: replica.stopped });
}

/**
 * Waits until all is here that the followed server had so long after now; at once as long where it follows none.
 *
 * @returns seconds that it is behind, where those are too many to wait for; else `null`
 * @throws SOURCE_REPLICA_STOPPED
 */
export async function outwaitLag(session: Session, lagSeconds: number, waitMs: number): Promise<number | null> {
  const started = performance.now();
  const longestMs = 2 * lagSeconds * 1000 + CUT_SECONDS * 1000 + waitMs;
  await sleep(lagSeconds * 1000);
  for (;;) {
    const replica = await replicaOf(session);
    throwIfStopped(replica);
    const passedMs = performance.now() - started;
    if (passedMs >= (lagSeconds + secondsBehind(replica)) * 1000) return null;
    if (passedMs > longestMs) return replica?.behind ?? 0;
    await sleep(POLL_MS);
  }
}
