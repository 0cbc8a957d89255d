import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as naming from '../../tenants/naming.ts';

const tenant = fc.stringMatching(/^[a-z][a-z0-9-]{1,18}$/);
const source = fc.stringMatching(/^[a-z][a-z0-9_-]{0,30}$/);
const runId = fc.stringMatching(/^[A-Za-z0-9-]{1,40}$/);
const original = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 320 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('id', 'ID', 'a b', 'a_b', 'A-B', '_TABLE_SUFFIX', '_run_id', 'c_run_id', 'żółć', 'zolc', '', '🎉'),
);

describe('column names', () => {
  it('are readable', () => {
    const names = ['id', 'Zażółć gęślą', 'Ärger', 'straße', 'Цена', 'Ωmega', '1st', 'a🎉b', 'ﬁne', 'Ørsted', 'щЩ'];
    expect(naming.columnNames(names)).toEqual([
      'id',
      'Zazolc_gesla',
      'Arger',
      'strasse',
      'Tsena',
      'Omega',
      '_1st',
      'a_b',
      'fine',
      'Orsted',
      'shchShch',
    ]);
    expect(naming.columnNames(['_PARTITIONTIME', '_file_name', '__root__x', '_run_id', '_colidentifier'])).toEqual([
      'c_PARTITIONTIME',
      'c_file_name',
      'c__root__x',
      'c_run_id',
      'c_colidentifier',
    ]);
    expect(naming.columnNames(['a b', 'a_b', 'A-B'])).toEqual([
      expect.stringMatching(/^a_b_[0-9a-f]{8}$/),
      'a_b',
      expect.stringMatching(/^A_B_[0-9a-f]{8}$/),
    ]);
    expect(naming.columnNames(['ID', 'id'])[1]).toBe('id');
    expect(naming.columnNames(['x', 'x'])).toEqual(['x', expect.stringMatching(/^x_[0-9a-f]{8}$/)]);
  });

  it('are always names, never reserved, never twice', () => {
    fc.assert(
      fc.property(fc.array(original, { maxLength: 20 }), (originals) => {
        const names = naming.columnNames(originals);
        expect(names).toHaveLength(originals.length);
        for (const name of names) {
          expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_]{0,299}$/);
          expect(naming.isReservedColumn(name)).toBe(false);
        }
        expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
      }),
    );
  });

  it('do not depend on order, nor on columns they do not collide with', () => {
    fc.assert(
      fc.property(fc.uniqueArray(original, { maxLength: 12 }), fc.func(fc.integer()), (originals, weight) => {
        const shuffled = originals.toSorted((a, b) => weight(a) - weight(b));
        const byName = new Map(originals.map((name, i) => [name, naming.columnNames(originals)[i]]));
        expect(naming.columnNames(shuffled)).toEqual(shuffled.map((name) => byName.get(name)));
      }),
    );
    expect(naming.columnNames(['a b', 'zz'])[0]).toBe(naming.columnNames(['a b'])[0]);
  });

  it('stay as they are once given', () => {
    fc.assert(
      fc.property(fc.uniqueArray(original, { maxLength: 8 }), (originals) => {
        const once = naming.columnNames(originals);
        expect(naming.columnNames(once)).toEqual(once);
      }),
    );
  });
});

describe('physical names', () => {
  it('are what the guide shows', () => {
    expect([naming.rawDataset('acme-shop'), naming.stagingDataset('acme'), naming.evidenceDataset('acme')]).toEqual([
      'acme_shop_raw',
      'acme_staging',
      'acme_tributary',
    ]);
    expect(naming.stagingPath('acme', 'orders', 'r1')).toBe('acme/orders/r1/');
    expect(naming.stagingPath('acme', 'orders', 'r1', 7)).toBe('acme/orders/r1/7/');
    expect(naming.secretVariable('shop-password')).toBe('TRIBUTARY_SECRET_SHOP_PASSWORD');
    expect(naming.secretId('acme', 'shop-password')).toBe('tributary-acme_shop-password');
    expect(
      naming.destinationOf({ tenant: 'acme', sources: { 'big-orders': { destination: {} } } }, 'big-orders'),
    ).toEqual({ dataset: 'acme_raw', table: 'big_orders' });
    expect(() => naming.destinationOf({ tenant: 'acme', sources: {} }, 'toString')).toThrow('no source');
  });

  it('fit the rules of the cloud', () => {
    fc.assert(
      fc.property(
        tenant,
        source,
        runId,
        fc.constantFrom('runner' as const, 'scheduler' as const, 'dataflow' as const),
        (t, s, run, role) => {
          expect(naming.serviceAccount(t, role)).toMatch(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/);
          expect(naming.dataflowJob(t, s, run, 99_999_999_999)).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])$/);
          expect(naming.stagingTable(t, s, run)).toMatch(/^\w{1,300}$/);
          expect(naming.stagingTable(t, s, run, 99_999_999_999)).toMatch(/^\w{1,300}$/);
          expect(naming.stagingTable(t, s, run).startsWith(naming.stagingTable(t, s, ''))).toBe(true);
          expect(naming.stagingBucket('acme-data-prod-with-long-name1', t).length).toBeLessThanOrEqual(63);
          expect(naming.schedulerJob(t, s)).toMatch(/^[\w-]{1,500}$/);
        },
      ),
    );
  });

  it('are plain, whatever the tenant and its sources are called', () => {
    const project = fc.stringMatching(/^(?:[a-z]{2,9}\.[a-z]{2,3}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/);
    fc.assert(
      fc.property(tenant, source, project, (t, s, p) => {
        const email = naming.accountEmail(naming.serviceAccount(t, 'runner'), p);
        expect(email).toMatch(/^[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z][a-z0-9.-]+\.iam\.gserviceaccount\.com$/);
        expect(naming.accountMember('a', p)).toBe(`serviceAccount:${naming.accountEmail('a', p)}`);
        expect(new URL(naming.webhookAudience(p)).href).toBe(`${naming.webhookAudience(p)}/`);
        expect(naming.triggerPath(t, s)).toBe(encodeURI(naming.triggerPath(t, s)));
        expect(naming.stateBucket(p)).toMatch(/^[a-z][a-z0-9-]{1,61}[a-z0-9]$/);
        expect(naming.tenantsBucket(p)).toMatch(/^[a-z][a-z0-9-]{1,61}[a-z0-9]$/);
        expect(naming.stagingBucket(p, t)).toMatch(/^[a-z][a-z0-9-]{1,61}[a-z0-9]$/);
        expect(naming.eventTopic(t)).toMatch(/^[a-z][\w-]{2,254}$/);
        expect(naming.jobName(t)).toMatch(/^[a-z][a-z0-9-]{0,47}[a-z0-9]$/);
        expect(naming.secretId(t, s)).toMatch(/^[\w-]{1,255}$/);
        expect(naming.azureIdentity(t, s)).toMatch(/^[a-z][\w-]{2,127}$/);
        expect(naming.stableGuid(s)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
        for (const value of Object.values(naming.labels({ tenant: t, env: 'dev' }))) {
          expect(value).toMatch(/^[a-z0-9_-]{1,63}$/);
        }
      }),
    );
    for (const value of Object.values(naming.PLATFORM)) expect(value).toMatch(/^[a-z][a-z0-9-]{2,28}[a-z0-9]$/);
    expect(naming.accountEmail('runner', 'example.com:data-prod')).toBe(
      'runner@data-prod.example.com.iam.gserviceaccount.com',
    );
  });

  it('keep tenants and sources apart', () => {
    fc.assert(
      fc.property(tenant, source, tenant, source, (t1, s1, t2, s2) => {
        fc.pre(t1 !== t2 || s1 !== s2);
        expect(naming.schedulerJob(t1, s1)).not.toBe(naming.schedulerJob(t2, s2));
        expect(naming.stagingTable(t1, s1, 'r').startsWith(naming.stagingTable(t2, s2, ''))).toBe(false);
        if (t1 !== t2) expect(naming.serviceAccount(t1, 'runner')).not.toBe(naming.serviceAccount(t2, 'runner'));
      }),
    );
    expect(naming.secretId('a-b', 'c')).not.toBe(naming.secretId('a', 'b-c'));
  });
});
