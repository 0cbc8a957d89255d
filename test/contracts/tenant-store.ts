/** What every store of tenant files keeps to. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TenantStore } from '../../runner/core/contracts/tenant-store.ts';
import { problemOf } from '../../runner/core/errors.ts';

/**
 * @param open opens the store at a place
 * @param place a new, empty one for each test
 */
export function tenantStoreSuite(
  name: string,
  open: (place: string) => TenantStore,
  place: () => Promise<string> | string,
): void {
  describe(`${name}: tenant store`, () => {
    let where: string;
    let store: TenantStore;

    beforeEach(async () => {
      where = await place();
      store = open(where);
    });
    afterEach(() => store[Symbol.asyncDispose]());

    const code = (attempt: Promise<unknown>) =>
      attempt.then(
        () => 'done',
        (error: unknown) => problemOf(error).code,
      );

    test('what is written is read, byte for byte, also by another one', async () => {
      expect(await store.list()).toEqual([]);
      expect(await store.read('acme')).toBeNull();
      const yaml = '# ä comment\ntenant: acme\nlabel: "日本 🚚"\n\n';
      const before = Date.now();
      const written = await store.write('acme', yaml, null);
      expect(written).toMatchObject({ tenant: 'acme', yaml });
      expect(Math.abs(Date.parse(written.updatedAt) - before)).toBeLessThan(600_000);
      await using other = open(where);
      expect(await other.read('acme')).toEqual(written);
      expect(await store.read('acme')).toEqual(written);
    });

    test('names come sorted', async () => {
      for (const tenant of ['zeta', 'acme', 'm-1']) await store.write(tenant, `tenant: ${tenant}\n`, null);
      expect(await store.list()).toEqual(['acme', 'm-1', 'zeta']);
    });

    test('a version is replaced by who has read it; whoever has not is refused', async () => {
      const first = await store.write('acme', 'one', null);
      const second = await store.write('acme', 'two', first.etag);
      expect(second.etag).not.toBe(first.etag);
      for (const stale of [first.etag, null, '', '0', 'garbage', '"; drop', '9'.repeat(40)]) {
        expect(await code(store.write('acme', 'three', stale))).toBe('TENANT_CHANGED');
      }
      expect(await store.read('acme')).toEqual(second);
    });

    test('a write whose answer was lost comes again', async () => {
      const first = await store.write('acme', 'one', null);
      expect(await store.write('acme', 'one', null)).toEqual(first);
      const second = await store.write('acme', 'two', first.etag);
      expect(await store.write('acme', 'two', first.etag)).toEqual(second);
    });

    test('a tenant that is not there has no version to replace', async () => {
      const { etag } = await store.write('acme', 'one', null);
      expect(await code(store.write('other', 'one', etag))).toBe('TENANT_CHANGED');
      expect(await store.read('other')).toBeNull();
    });

    test('of twenty who read the same version, one writes', async () => {
      const { etag } = await store.write('acme', 'start', null);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          code((n % 2 === 0 ? store : open(where)).write('acme', `text ${n}`, etag)),
        ),
      );
      expect(answers.filter((answer) => answer === 'done')).toHaveLength(1);
      expect(answers.filter((answer) => answer === 'TENANT_CHANGED')).toHaveLength(19);
      expect((await store.read('acme'))?.yaml).toBe(`text ${answers.indexOf('done')}`);
    });

    test('of twenty who create the same tenant, one does', async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => code(store.write('acme', `text ${n}`, null))),
      );
      expect(answers.filter((answer) => answer === 'done')).toHaveLength(1);
    });

    test('a reader meets whole versions only', async () => {
      const texts = ['a', 'b'].map((letter) => letter.repeat(200_000));
      let { etag } = await store.write('acme', texts[0] as string, null);
      let done = false;
      const writing = (async () => {
        for (let n = 1; n <= 10; n++) ({ etag } = await store.write('acme', texts[n % 2] as string, etag));
      })().finally(() => {
        done = true;
      });
      do {
        const { yaml } = (await store.read('acme')) ?? { yaml: '' };
        expect(texts.includes(yaml)).toBe(true);
      } while (!done);
      await writing;
    });

    test('a version is removed by who has read it; a second time nothing happens', async () => {
      const first = await store.write('acme', 'one', null);
      const second = await store.write('acme', 'two', first.etag);
      for (const stale of [first.etag, 'garbage', '0']) {
        expect(await code(store.remove('acme', stale))).toBe('TENANT_CHANGED');
      }
      await store.remove('acme', second.etag);
      expect(await store.read('acme')).toBeNull();
      expect(await store.list()).toEqual([]);
      await store.remove('acme', second.etag);
      await store.remove('acme', 'garbage');
      expect(await code(store.write('acme', 'three', second.etag))).toBe('TENANT_CHANGED');
      await expect(store.write('acme', 'three', null)).resolves.toMatchObject({ yaml: 'three' });
    });

    test.each(['', '.', '..', '../acme', 'a/b', '.hidden', 'a\\b', 'a\0b', 'x'.repeat(300), 'acme.yaml'])(
      'what is no name is nobody: %j',
      async (tenant) => {
        await store.write('acme', 'one', null);
        expect(await store.read(tenant)).toBeNull();
        expect(await code(store.write(tenant, 'two', null))).toBe('TENANT_CHANGED');
        await store.remove(tenant, 'garbage');
        expect(await store.list()).toEqual(['acme']);
      },
    );
  });
}
