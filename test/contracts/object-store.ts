/** What every store of objects keeps to. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ObjectStore, StoredObject } from '../../runner/core/contracts/object-store.ts';
import { problemOf } from '../../runner/core/errors.ts';
import { readAhead } from '../../runner/core/objects/read-ahead.ts';
import type { ObjectStoreOptions } from '../../runner/core/objects/store.ts';
import type { ConnectionSpec } from '../../tenants/schema/index.ts';
import { type ObjectProxy, startObjectProxy } from '../servers/object-proxy.ts';

export interface ObjectStoreFixture extends AsyncDisposable {
  /** Where the store is reached, as `http://127.0.0.1:9000`. */
  readonly host: string;
  /** Of the server, whose CPU is its own. */
  readonly pid: number;
  /** Puts an object as people's programs do. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** Opens the bucket that {@link put} fills, or another one, by way of a host that is in front of the store. */
  open(host: string, options?: ObjectStoreOptions, bucket?: string): ObjectStore;
  /** The connection that {@link open} opens, as a tenant file has it. */
  connection(host: string, bucket?: string): ConnectionSpec;
  /** What a process has to have in its environment to reach the store by way of a host. */
  environment(host: string): Readonly<Record<string, string>>;
  /** Value of the one secret that the connection names; '' where it names none. */
  readonly secret: string;
  /** An answer of the store that denies. */
  readonly denial: {
    readonly status: number;
    readonly body: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
  /** Names that the server, not the store, cannot hold: why. */
  readonly gaps?: Readonly<Record<string, string>>;
}

const never = new AbortController().signal;
const QUICK = { attempts: 4, seconds: 10, firstMs: 5, longestMs: 20 };

/** Names that people give, and that a URL, a page of XML or a signature may trip over. */
const NAMES = [
  'odd/with space.csv',
  'odd/plus+and%20percent.csv',
  'odd/hash#query?and&amp;.csv',
  'odd/ünï-日本-🚚.csv',
  'odd//two-slashes.csv',
  'odd/quote\'and"double.csv',
  'odd/dir/./dot.csv',
  `odd/${'long-'.repeat(40)}.csv`,
  'odd/=equals,comma;semi:colon@at$dollar!.csv',
];

export function objectStoreSuite(name: string, start: () => Promise<ObjectStoreFixture>): void {
  describe(`${name}: object store`, () => {
    let fixture: ObjectStoreFixture;
    let proxy: ObjectProxy;
    let store: ObjectStore;

    beforeAll(async () => {
      fixture = await start();
      proxy = await startObjectProxy(fixture.host);
      store = fixture.open(proxy.host, { budget: QUICK });
    }, 60_000);

    beforeEach(() => proxy.reset());

    afterAll(async () => {
      await store?.[Symbol.asyncDispose]();
      await proxy?.[Symbol.asyncDispose]();
      await fixture?.[Symbol.asyncDispose]();
    });

    const listed = async (prefix: string, after?: string): Promise<StoredObject[]> => {
      const all: StoredObject[] = [];
      const request = { prefix, ...(after === undefined ? {} : { after }) };
      for await (const page of store.list(request, never)) all.push(...page);
      return all;
    };
    const read = async (object: StoredObject, range = { from: 0 } as { from: number; to?: number }) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of store.open(object, range, never)) chunks.push(chunk);
      return Buffer.concat(chunks);
    };
    const putAndStat = async (object: string, bytes: Uint8Array): Promise<StoredObject> => {
      await fixture.put(object, bytes);
      const found = await store.stat(object, never);
      if (found === null) throw new Error(`${object} was not found`);
      return found;
    };
    const codeOf = async (work: Promise<unknown>) =>
      problemOf(
        await work.then(
          () => new Error('it did not fail'),
          (error: unknown) => error,
        ),
      ).code;

    it('lists more than a page in the order of names, all once', { timeout: 120_000 }, async () => {
      const names = Array.from({ length: 2_345 }, (_, i) => `many/${String(i).padStart(5, '0')}.csv`);
      const waiting = names.toReversed();
      const putSome = async () => {
        for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
          await fixture.put(next, Buffer.from(next));
      };
      await Promise.all(Array.from({ length: 8 }, putSome));
      const before = proxy.requests;
      const all = await listed('many/');
      expect(all.map((object) => object.name)).toEqual(names);
      expect(all.every(({ bytes, version }) => bytes === 14 && version !== '' && !version.includes('"'))).toBe(true);
      expect(proxy.requests - before).toBeGreaterThan(1);
      expect((await listed('many/', 'many/02340.csv')).map((object) => object.name)).toEqual(names.slice(2_341));
    });

    it('asks for a next page only when it is wanted', async () => {
      await fixture.put('few/a', Buffer.from('a'));
      const before = proxy.requests;
      for await (const page of store.list({ prefix: 'many/' }, never)) {
        expect(page.length).toBeGreaterThan(0);
        break;
      }
      expect(proxy.requests - before).toBe(1);
    });

    it('nothing below a prefix is no object', async () => {
      expect(await listed('nowhere/')).toEqual([]);
      expect(await store.stat('nowhere/a.csv', never)).toBeNull();
      await fixture.put('stat/longer.csv', Buffer.from('x'));
      expect(await store.stat('stat/long', never)).toBeNull();
    });

    it('says when it was taken and how long it is', async () => {
      const before = Date.now();
      const object = await putAndStat('taken/a.csv', Buffer.from('hello'));
      expect(object).toMatchObject({ name: 'taken/a.csv', bytes: 5 });
      expect(object.modifiedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,}Z$/);
      // Whole seconds are all that some stores keep.
      expect(Date.parse(object.modifiedAt)).toBeGreaterThanOrEqual(Math.floor(before / 1000) * 1000);
      expect(Date.parse(object.modifiedAt)).toBeLessThanOrEqual(Date.now());
    });

    for (const object of NAMES) {
      it(`reads an object named ${object.slice(0, 50)}`, async () => {
        const gap = fixture.gaps?.[object];
        await fixture.put(object, Buffer.from(`bytes of ${object}`));
        const found = (await listed('odd/')).find((one) => one.name === object);
        if (gap !== undefined) {
          console.info(`${store.kind}: no object named "${object}": ${gap}`);
          return expect(found).toBeUndefined();
        }
        expect(found?.name).toBe(object);
        expect((await read(found as StoredObject)).toString()).toBe(`bytes of ${object}`);
        expect(store.uri(object).endsWith(`/${object}`)).toBe(true);
      });
    }

    it('an empty object has no bytes', async () => {
      const object = await putAndStat('empty.csv', Buffer.alloc(0));
      expect(object.bytes).toBe(0);
      const before = proxy.requests;
      expect((await read(object)).length).toBe(0);
      expect(proxy.requests).toBe(before);
    });

    it('reads ranges', async () => {
      const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));
      const object = await putAndStat('ranges.bin', bytes);
      for (const [from, to] of [
        [0, 1],
        [10, 20],
        [990, 1000],
        [999, 5000],
        [1000, 1001],
        [500, undefined],
      ] as const) {
        const range = to === undefined ? { from } : { from, to };
        expect(Buffer.compare(await read(object, range), bytes.subarray(from, to))).toBe(0);
      }
    });

    it('reads over several connections in order', async () => {
      const bytes = noise(5_000_003);
      const object = await putAndStat('ahead.bin', bytes);
      let [reading, most] = [0, 0];
      const open = async function* (range: { from: number; to: number }, signal: AbortSignal) {
        reading += 1;
        most = Math.max(most, reading);
        try {
          yield* store.open(object, range, signal);
        } finally {
          reading -= 1;
        }
      };
      const hash = createHash('sha256');
      const ahead = readAhead(open, object, { from: 3 }, never, { connections: 3, chunkBytes: 400_000 });
      for await (const chunk of ahead) hash.update(chunk);
      expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes.subarray(3)).digest('hex'));
      expect(most).toBeGreaterThan(1);
      expect(most).toBeLessThanOrEqual(3);
    });

    it('an end in the middle ends all connections', async () => {
      const object = await putAndStat('ahead.bin', noise(5_000_003));
      const open = (range: { from: number; to: number }, signal: AbortSignal) => store.open(object, range, signal);
      for await (const _ of readAhead(open, object, { from: 0 }, never, { connections: 3, chunkBytes: 400_000 })) break;
      await expect.poll(() => proxy.open).toBe(0);
    });

    it('goes on where a connection broke, as often as it gets on', async () => {
      const bytes = noise(3_000_000);
      const object = await putAndStat('broken.bin', bytes);
      proxy.cutAfter = 200_000;
      const found = await read(object);
      expect(Buffer.compare(found, bytes)).toBe(0);
      expect(proxy.cuts).toBeGreaterThan(QUICK.attempts);
    });

    it('a connection that never gets on is given up', async () => {
      const object = await putAndStat('broken.bin', noise(100_000));
      proxy.cutAfter = 0;
      expect(await codeOf(read(object))).toBe('OBJECTS_FAILED');
      expect(proxy.cuts).toBe(QUICK.attempts);
    });

    it('refuses another version, at the start and in mid-read', async () => {
      const first = await putAndStat('changing.bin', noise(3_000_000, 1));
      let replaced = false;
      proxy.cutAfter = 500_000;
      const reading = (async () => {
        for await (const _ of store.open(first, { from: 0 }, never)) {
          if (!replaced) await fixture.put('changing.bin', noise(3_000_000, 2));
          replaced = true;
        }
      })();
      expect(await codeOf(reading)).toBe('FILE_CHANGED');
      proxy.reset();
      expect(await codeOf(read(first))).toBe('FILE_CHANGED');
      const second = await store.stat('changing.bin', never);
      expect(second?.version).not.toBe(first.version);
      expect((await read(second as StoredObject)).length).toBe(3_000_000);
    });

    it('an object that is gone is a changed one', async () => {
      const object = { ...(await putAndStat('gone/a.csv', Buffer.from('abc'))), name: 'gone/b.csv' };
      expect(await codeOf(read(object))).toBe('FILE_CHANGED');
    });

    it.each([429, 500, 503])('answers of %i are tried again', async (status) => {
      const object = await putAndStat('tried.csv', Buffer.from('abc'));
      proxy.answers = [{ status }, { status }];
      expect((await read(object)).toString()).toBe('abc');
      proxy.answers = [{ status }, { status }];
      expect((await listed('tried.csv')).length).toBe(1);
    });

    it('an answer that never improves ends with the budget', async () => {
      proxy.answers = Array.from({ length: 50 }, () => ({ status: 503 }));
      expect(await codeOf(listed(''))).toBe('OBJECTS_FAILED');
      expect(50 - proxy.answers.length).toBe(QUICK.attempts);
    });

    it('a denial is none that is tried again, and says what grants it', async () => {
      proxy.answers = [fixture.denial];
      const problem = problemOf(await listed('').catch((error: unknown) => error));
      expect(problem.code).toBe('OBJECTS_DENIED');
      expect(problem.fix.length).toBeGreaterThan(20);
      expect(proxy.answers.length).toBe(0);
    });

    it('a bucket that is not there is named', async () => {
      await using other = fixture.open(proxy.host, { budget: QUICK }, 'nobody-has-this');
      const looking = (async () => {
        for await (const _ of other.list({ prefix: '' }, never));
      })();
      const problem = problemOf(await looking.catch((error: unknown) => error));
      expect(problem.code).toBe('OBJECTS_BUCKET_MISSING');
      expect(problem.detail).toContain('nobody-has-this');
    });

    it('a server that is not there is unreachable', async () => {
      await using other = fixture.open('http://127.0.0.1:1', { budget: { ...QUICK, attempts: 2 } });
      expect(await codeOf(other.stat('a', never))).toBe('SOURCE_UNREACHABLE');
    });

    it('a server that takes a request and never answers is given up', async () => {
      const object = await putAndStat('silent.csv', Buffer.from('abc'));
      await using impatient = fixture.open(proxy.host, { budget: QUICK, stallMs: 50 });
      proxy.hold = true;
      expect(await codeOf(impatient.stat('silent.csv', never))).toBe('OBJECTS_FAILED');
      expect(proxy.held).toBe(QUICK.attempts);
      const reading = (async () => {
        for await (const _ of impatient.open(object, { from: 0 }, never));
      })();
      expect(await codeOf(reading)).toBe('OBJECTS_FAILED');
      expect(proxy.held).toBe(2 * QUICK.attempts);
    });

    it('stops at once when it is aborted', async () => {
      const object = await putAndStat('abort.bin', noise(3_000_000));
      const abort = new AbortController();
      const reason = new Error('enough');
      proxy.hold = true;
      const reading = (async () => {
        for await (const _ of store.open(object, { from: 0 }, abort.signal));
      })();
      await expect.poll(() => proxy.held).toBe(1);
      abort.abort(reason);
      await expect(reading).rejects.toBe(reason);
      await expect(store.stat('a', abort.signal)).rejects.toBe(reason);
    });

    it('the connection test names its steps, and what fails', async () => {
      await fixture.put('check/a.csv', Buffer.from('abc'));
      const steps = async () => {
        const found: string[] = [];
        for await (const { id, status, problem } of store.check({ prefix: 'check/' }, never))
          found.push(`${id} ${status}${problem ? ` ${problem.code}` : ''}`);
        return found;
      };
      expect(await steps()).toEqual(['settings pass', 'resolve pass', 'credential pass', 'list pass', 'read pass']);
      proxy.answers = [fixture.denial];
      expect((await steps()).slice(2)).toEqual(['credential pass', 'list fail OBJECTS_DENIED']);
      proxy.pass = 1;
      proxy.answers = [fixture.denial];
      expect((await steps()).slice(3)).toEqual(['list pass', 'read fail OBJECTS_DENIED']);
    });
  });
}

/** Bytes that no two places have alike. */
function noise(length: number, seed = 7): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, state = seed; at + 4 <= length; at += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes.writeUInt32LE(state, at);
  }
  return bytes;
}
