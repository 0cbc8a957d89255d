/** Whether the server follows another one, and how far behind it is. */
import { rows, type Session } from '../connect.ts';

export interface Replica {
  /** Seconds behind its source; `null` where it does not say, as when replication is stopped. */
  readonly behind: number | null;
  readonly running: boolean;
}

type StatusRow = Readonly<Record<string, string | number | null>>;

/** `null`: it follows none. Without the right to ask, a server that refuses writes is taken to be a replica. */
export async function replicaOf({ client, mariadb }: Session): Promise<Replica | null> {
  for (const statement of mariadb ? ['SHOW ALL REPLICAS STATUS'] : ['SHOW REPLICA STATUS', 'SHOW SLAVE STATUS']) {
    try {
      const [status] = await rows<StatusRow>(client, statement);
      if (status === undefined) return null;
      const of = (name: string) =>
        status[name] ?? status[name.replace('Replica', 'Slave').replace('Source', 'Master')] ?? null;
      const behind = of('Seconds_Behind_Source');
      const running = of('Replica_IO_Running') === 'Yes' && of('Replica_SQL_Running') === 'Yes';
      return { behind: behind === null ? null : Number(behind), running };
    } catch (error) {
      const { errno } = error as { errno?: number };
      // 1064: an older version has the older word.
      if (errno === 1064) continue;
      if (errno !== 1227 && errno !== 1226) throw error;
      break;
    }
  }
  const [server] = await rows<{ locked: string | number }>(client, 'SELECT @@GLOBAL.read_only AS locked');
  return Number(server?.locked) === 0 ? null : { behind: null, running: true };
}
