/** A source at a test's own server. */
import type { Check, Source } from '../../../runner/core/contracts/source.ts';
import { type MysqlOptions, openMysql } from '../../../runner/sources/mysql/index.ts';
import type { ConnectionOf } from '../../../tenants/schema/connection.ts';
import { forever } from '../../contracts/source-reading.ts';
import type { MysqlServer } from '../../servers/mysql.ts';

export interface Opening extends MysqlOptions {
  readonly connection?: Partial<ConnectionOf<'mysql'>>;
  readonly password?: string;
  /** Safety lag of windows: `60s`. */
  readonly lag?: string;
}

export function openAt(server: MysqlServer, { connection, password, lag, ...options }: Opening = {}): Source {
  const { host, port, database, user } = server;
  const load = { strategy: 'transactional', mode: 'append', cursor: 'id', lag: lag ?? '60s' };
  return openMysql(
    {
      tenant: 'acme',
      name: 'main',
      connection: { ...{ kind: 'mysql', host, port, database, user, tls: 'disable', secret: 'main' }, ...connection },
      source: { load } as never,
      secrets: { get: async () => password ?? server.password },
    },
    options,
  );
}

/** The steps of a connection test. */
export async function checksOf(source: Source, target: Parameters<Source['check']>[0] = {}): Promise<Check[]> {
  const found: Check[] = [];
  for await (const step of source.check(target, forever)) found.push(step);
  return found;
}
