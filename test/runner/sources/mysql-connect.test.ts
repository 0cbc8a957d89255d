import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ReadColumn } from '../../../runner/core/contracts/source.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { forever, readAll } from '../../contracts/source-reading.ts';
import { freePort, newFolder } from '../../servers/child.ts';
import { brand, type MysqlServer, startMysql } from '../../servers/mysql.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { checksOf, type Opening, openAt } from './mysql-opened.ts';

const SLEPT: ReadColumn = {
  ...{ source: 's', name: 's', sourceType: 'int', logical: { kind: 'INT64' }, unrepresentable: 'quarantine' },
};

describeWith(['mariadb', 'openssl'], 'MySQL: connections', () => {
  let server: MysqlServer;
  let client: Connection;

  beforeAll(async () => {
    server = await startMysql({ ssl: true });
    client = await server.client();
    await client.query(`CREATE TABLE t (id int PRIMARY KEY, at timestamp(6) NULL); INSERT INTO t VALUES (1, NULL);
      CREATE USER safe@'127.0.0.1' IDENTIFIED BY 'word of the safe' REQUIRE SSL; GRANT SELECT ON src.* TO safe@'127.0.0.1';
      CREATE USER nobody@'127.0.0.1' IDENTIFIED BY 'word of nobody'; CREATE USER guest@'127.0.0.1' IDENTIFIED BY 'word of the guest';
      GRANT SELECT ON src.* TO guest@'127.0.0.1'`);
  });

  afterAll(async () => {
    await client?.end();
    await server?.stop();
  });

  /** The code and the detail of what goes wrong; `connected` where nothing does. */
  const attempt = async (opening: Opening): Promise<string> => {
    await using source = openAt(server, opening);
    return source.discover(forever).then(
      () => 'connected',
      (error) => {
        const { code, detail, fix } = problemOf(error);
        expect(JSON.stringify([error, detail, fix])).not.toContain(opening.password ?? server.password);
        return `${code}: ${detail}`;
      },
    );
  };
  const verified = { tls: 'verify-full', host: 'localhost' } as const;

  it('encrypts and verifies as the mode says', async () => {
    const ca = server.ca as string;
    const file = join(await newFolder('ca'), 'ca.pem');
    writeFileSync(file, ca);
    expect(await attempt({ connection: { tls: 'require' } })).toBe('connected');
    expect(await attempt({ connection: { tls: 'prefer' } })).toBe('connected');
    expect(await attempt({ connection: { tls: 'verify-ca', ca } })).toBe('connected');
    expect(await attempt({ connection: { ...verified, ca } })).toBe('connected');
    expect(await attempt({ connection: { ...verified, ca: file } })).toBe('connected');
    expect(await attempt({ connection: verified })).toMatch(/^SOURCE_TLS: .*authority is not known/);
    expect(await attempt({ connection: { tls: 'verify-ca' } })).toMatch(/^SOURCE_TLS/);
    // The certificate is for localhost, and an address is another name.
    expect(await attempt({ connection: { tls: 'verify-full', ca } })).toMatch(/^SOURCE_TLS: .*not for 127\.0\.0\.1/);
    expect(await attempt({ connection: { tls: 'verify-full', ca: '/no/such.pem' } })).toMatch(
      /^SOURCE_TLS: .*cannot be read/,
    );
  });

  it('tells what the encryption is, and reads through it', async () => {
    const source = openAt(server, { connection: { ...verified, ca: server.ca as string } });
    await using _ = source;
    const steps = await checksOf(source, { object: { table: 't' }, cursor: 'at' });
    expect(steps.map(({ id, status }) => [id, status])).toEqual([
      ...['resolve', 'reach', 'tls', 'login', 'server', 'clock', 'replica', 'permission', 'cursor'].map((id) => [
        id,
        'pass',
      ]),
      ['index', 'warn'],
      ['nulls', 'warn'],
      ['bound', 'pass'],
    ]);
    expect(steps.find(({ id }) => id === 'tls')?.found).toMatch(/^TLSv1\.[23], verified$/);
    expect(steps.find(({ id }) => id === 'index')?.problem?.fix).toBe('CREATE INDEX `at_index` ON `t` (`at`);');
    const { snapshot } = await source.open({ object: { table: 't' } }, forever);
    await using __ = snapshot;
    const column = { sourceType: 'int(11)', logical: { kind: 'INT64' }, unrepresentable: 'quarantine' } as const;
    const { rows } = await readAll(snapshot, { table: 't' }, { columns: [{ source: 'id', name: 'id', ...column }] });
    expect(rows).toEqual([['1']]);
  });

  it('is refused where the server wants encryption and the mode is disable', async () => {
    const connection = { user: 'safe' } as const;
    expect(await attempt({ connection: { ...connection, tls: 'require' }, password: 'word of the safe' })).toBe(
      'connected',
    );
    expect(await attempt({ connection: { ...connection, tls: 'disable' }, password: 'word of the safe' })).toMatch(
      /^SOURCE_AUTHENTICATION/,
    );
  });

  it('goes on without encryption where the server has none and the mode is prefer', async () => {
    await using plain = await startMysql({
      settings: brand === 'MySQL' ? { 'tls-version': '' } : { 'skip-ssl': true },
    });
    await using preferred = openAt(plain, { connection: { tls: 'prefer' } });
    const steps = await checksOf(preferred);
    expect(steps.find(({ id }) => id === 'tls')).toMatchObject({ status: 'pass', found: 'not encrypted' });
    await using required = openAt(plain, { connection: { tls: 'require' } });
    const last = (await checksOf(required)).at(-1);
    expect(last).toMatchObject({ id: 'tls', status: 'fail', problem: { code: 'SOURCE_TLS' } });
  });

  it('says what was wrong with the login', async () => {
    expect(await attempt({ password: 'wrong password' })).toMatch(/^SOURCE_AUTHENTICATION: User owner was refused/);
    expect(await attempt({ connection: { user: 'stranger' } })).toMatch(/^SOURCE_AUTHENTICATION/);
    expect(await attempt({ connection: { database: 'nowhere' } })).toMatch(/^SOURCE_DATABASE_MISSING/);
    expect(await attempt({ connection: { user: 'nobody' }, password: 'word of nobody' })).toMatch(/^SOURCE_PERMISSION/);
    await using source = openAt(server, { password: 'wrong password' });
    const steps = await checksOf(source);
    expect(steps.map(({ id, status }) => [id, status])).toEqual([
      ['resolve', 'pass'],
      ['reach', 'pass'],
      ['tls', 'skip'],
      ['login', 'fail'],
    ]);
  });

  it('says what was wrong with the way there', async () => {
    expect(await attempt({ connection: { host: 'no-such-host.invalid' } })).toMatch(/^SOURCE_HOST_UNKNOWN/);
    expect(await attempt({ connection: { port: await freePort() } })).toMatch(/^SOURCE_UNREACHABLE: .*ECONNREFUSED/);
  });

  it('says so where the server is full', async () => {
    const [[before]] = (await client.query('SELECT @@GLOBAL.max_connections AS n')) as unknown as [[{ n: number }]];
    await client.query('SET GLOBAL max_connections = 10');
    const taken: Connection[] = [];
    const user = { user: 'guest', password: 'word of the guest' };
    try {
      for (let i = 0; i < 20; i++) taken.push(await server.client(user));
    } catch {
      // Full, as wanted.
    }
    expect(await attempt({ connection: { user: 'guest' }, password: 'word of the guest' })).toMatch(/SOURCE_BUSY/);
    for (const one of taken) await one.end();
    await client.query(`SET GLOBAL max_connections = ${before.n}`);
  });

  it('ends at once when it is called off', async () => {
    const controller = new AbortController();
    await using source = openAt(server);
    const asked = source.sample({ query: 'SELECT SLEEP(30) AS s' }, [SLEPT], 1, controller.signal);
    setTimeout(() => controller.abort(), 200);
    await expect(asked).rejects.toMatchObject({
      problem: { code: expect.stringMatching(/INTERRUPTED|SOURCE_DISCONNECTED/) },
    });
  });
});
