import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatIssue, listTenants, parseTenant, readTenant } from '../../tenants/load.ts';
import { issuesOf, said, tenantText } from './file.ts';

describe('a tenant file', () => {
  it('is read with every default', () => {
    const { tenant, errors } = parseTenant(tenantText(), 'tenants/acme.yaml');
    expect(errors).toEqual([]);
    expect(tenant).toMatchObject({
      location: 'EU',
      region: 'europe-west1',
      protection: { data: true, compute: false },
      connections: { shop: { port: 5432, tls: 'prefer' }, app: { database: '(default)' } },
      sources: {
        orders: {
          load: { cursorNulls: 'include', lookback: '0s', lag: '60s', deletes: 'ignore', maxDeleteRatio: 0.2 },
          execution: { mode: 'auto', dataflowAtRows: 1_000_000, readers: 1 },
          contract: { columns: 'evolve', types: 'widen' },
          quarantine: { maxRows: 1000, maxRatio: 0.01 },
          quality: [],
          after: { publish: false },
        },
      },
    });
  });

  it('of the example is valid', () => {
    expect(readTenant('tenants/acme.yaml').errors).toEqual([]);
    expect(listTenants('tenants')).toContain('acme');
    expect(listTenants('no/such/folder')).toEqual([]);
    expect(readTenant('no/such.yaml').errors).toMatchObject([{ message: 'there is no such file' }]);
  });

  it('reports every error at once, in the order of the file', () => {
    const text = `tenant: Acme
regoin: europe-west1
connections:
  shop: {kind: postgres, hots: db, database: shop, user: reader, port: "5432", tls: verify-ful}
  erp: {kind: postgre, host: db}
sources:
  orders:
    connection: shpo
    table: a.b
    load: {strategy: transactional, mode: merge, cursor: updated_at}
    schedule: {cron: "0 0 30 2 *", timeZone: Europe/Warsow}
    execution: {mode: fast}
    contract: {columns: evolves}
  items:
    connection: shop
    load: {strategy: catalog, history: dayly}
`;
    expect(
      issuesOf(text).map((issue) => `${issue.line}:${issue.column} ${issue.path}: ${issue.message} | ${issue.fix}`),
    ).toEqual([
      '1:9 tenant: tenant must be 2 to 19 small letters, digits and -, starting with a letter | write for example tenant: acme',
      '2:1 regoin: unknown key regoin | did you mean region?',
      '4:3 connections.shop.host: host is missing | write for example host: 10.20.0.5',
      '4:26 connections.shop.hots: unknown key hots | did you mean host?',
      '4:72 connections.shop.port: must be a number, not a text | write for example port: 5432',
      '4:85 connections.shop.tls: "verify-ful" is not one of disable, prefer, require, verify-ca, verify-full | did you mean verify-full?',
      '5:15 connections.erp.kind: "postgre" is not one of postgres, mysql, bigquery, firestore, gcs, s3, azure-blob | did you mean postgres?',
      '8:17 sources.orders.connection: there is no connection shpo | did you mean shop?',
      '10:5 sources.orders.load.key: merge needs a key | write for example key: [id], or mode: append',
      '11:22 sources.orders.schedule.cron: cron "0 0 30 2 *": never fires | write for example cron: "0 3 * * *"',
      '11:46 sources.orders.schedule.timeZone: there is no time zone Europe/Warsow | did you mean Europe/Warsaw?',
      '12:23 sources.orders.execution.mode: "fast" is not one of auto, cloud_run, dataflow | write one of: auto, cloud_run, dataflow',
      '13:25 sources.orders.contract.columns: "evolves" is not one of evolve, freeze, discard | did you mean evolve?',
      '14:3 sources.items: nothing says what is read | write one of: table, query, collection, collectionGroup, files',
      '16:40 sources.items.load.history: "dayly" is not one of daily, replace | did you mean daily?',
    ]);
  });

  it('shows an issue as one place and one fix', () => {
    const [issue] = issuesOf(tenantText({ load: '{strategy: transactional, mode: merge, cursor: id}' }));
    expect(issue && formatIssue(issue)).toBe(
      'tenants/acme.yaml:13:5  sources.orders.load.key  merge needs a key\n    fix: write for example key: [id], or mode: append',
    );
  });

  it('finds what is no YAML, with what stands before it', () => {
    const issues = issuesOf('tenant: acme\nlocaton: EU\nbudget: {monthly: 5\nowners: [a@b.example\n');
    expect(issues.map(({ line }) => line)).toEqual(expect.arrayContaining([2]));
    expect(issues.some(({ message }) => message.startsWith('is no YAML'))).toBe(true);
    expect(issuesOf('tenant: acme\ntenant: acme\n')).toMatchObject([
      { line: 2, column: 1, path: 'tenant', message: 'this key stands here twice' },
    ]);
    expect(said('')).toEqual([': the file holds no tenant | begin with tenant: <name>, or run: tributary init']);
    expect(said('- a\n')).toHaveLength(1);
    expect(said('tenant: acme\ndisplayName: !secret x\n')).toEqual([
      'displayName: a tag (!…) means nothing here | remove the tag',
    ]);
    expect(said('tenant: acme\nsources:\n')).toEqual([expect.stringContaining('sources: must be a map, not empty')]);
  });

  it('never repeats a secret', () => {
    const value = 'Hunter2!Hunter2';
    const shown = JSON.stringify([
      ...issuesOf(tenantText({ connections: `  a: {kind: mysql, host: h, database: d, user: u, secret: "${value}"}` })),
      ...issuesOf(
        tenantText({ connections: `  a: {kind: mysql, host: h, database: d, user: u, password: "${value}"}` }),
      ),
      ...issuesOf(
        tenantText({ connections: `  a: {kind: mysql, host: "mysql://u:${value}@h", database: d, user: u}` }),
      ),
      ...issuesOf(tenantText({ top: `displayName: "AccountName=a;AccountKey=${value}"` })),
    ]);
    expect(shown).not.toContain(value);
    expect(shown.match(/a secret is a name|A secret is a name/g)?.length).toBeGreaterThanOrEqual(4);
  });

  it('starts as its folder does', () => {
    expect(readFileSync('tenants/acme.yaml', 'utf8')).toMatch(
      /^# yaml-language-server: \$schema=\.\/tenant\.schema\.json\n/,
    );
  });
});
