/** What a reader of objects decides by itself, without a store. */
import { describe, expect, it } from 'vitest';
import { problemOf } from '../../../runner/core/errors.ts';
import { readAhead } from '../../../runner/core/objects/read-ahead.ts';
import { readBytes } from '../../../runner/core/objects/reading.ts';
import { withoutSecrets } from '../../../runner/core/objects/secrets.ts';
import type { ObjectWire } from '../../../runner/core/objects/wire.ts';

const never = new AbortController().signal;
const QUICK = { attempts: 3, seconds: 5, firstMs: 1, longestMs: 2 };

describe('what is shown of a message', () => {
  it.each([
    [
      'GET https://acme.blob.core.windows.net/c/a.csv?sv=1&sig=CANARY%3D failed',
      'GET https://acme.blob.core.windows.net/… failed',
    ],
    ['SharedAccessSignature: sig=CANARY&se=2026', 'SharedAccessSignature: sig=…&se=2026'],
    ['AccountKey=CANARY==;EndpointSuffix=x', 'AccountKey=…;EndpointSuffix=x'],
    ['"client_assertion": "CANARY", "error": 1', '"client_assertion": "…", "error": 1'],
    ['Authorization: Bearer CANARY.abc', 'Authorization: Bearer …'],
    ['token was eyJhbGciOi.eyJCANARY.sig-n_ature here', 'token was … here'],
    ['X-Amz-Security-Token=CANARY&X-Amz-Signature=CANARY', 'X-Amz-Security-Token=…&X-Amz-Signature=…'],
    ['one\nCANARY in the second line', 'one'],
    ['nothing to hide: 3 keys, sigma', 'nothing to hide: 3 keys, sigma'],
  ])('%s', (message, shown) => {
    expect(withoutSecrets(message)).toBe(shown);
    expect(withoutSecrets(message)).not.toContain('CANARY');
  });
});

/** A store of one object that fails as it is told. */
function wireOf(bytes: Uint8Array, failures: readonly (string | null)[]): ObjectWire & { asked: [number, number][] } {
  const asked: [number, number][] = [];
  const waiting = [...failures];
  return {
    kind: 's3',
    asked,
    facts: {
      ...{
        tenant: 'acme',
        bucket: 's3://b',
        who: 'Key K',
        endpoint: 'https://s3.example',
        field: 'bucket',
        advice: '',
      },
      grants: { list: 'list', read: 'read' },
    },
    uri: (name) => `s3://b/${name ?? ''}`,
    login: async () => '',
    page: async () => ({ objects: [], next: null }),
    answered: () => null,
    async get(_, from, to) {
      asked.push([from, to]);
      const failure = waiting.shift() ?? null;
      return (async function* () {
        const end = failure === null ? to : Math.min(to, from + 3);
        for (let at = from; at < end; at += 2) yield bytes.subarray(at, Math.min(at + 2, end));
        if (failure === 'more') yield bytes.subarray(0, 100);
        if (failure === 'early') return;
        if (failure !== null) throw Object.assign(new Error('broken'), { code: failure });
      })();
    },
  };
}

describe('bytes of one version', () => {
  const bytes = Uint8Array.from({ length: 20 }, (_, i) => i);
  const object = { name: 'a', version: 'v', bytes: 20 };
  const read = async (wire: ObjectWire, range = { from: 0 } as { from: number; to?: number }) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of readBytes(wire, object, range, { budget: QUICK, stallMs: 60_000 }, never))
      chunks.push(chunk);
    return [...Buffer.concat(chunks)];
  };

  it('an end that comes early and a line that breaks are followed from the missing byte', async () => {
    const wire = wireOf(bytes, ['early', 'ECONNRESET', 'EPIPE', 'early']);
    expect(await read(wire, { from: 2, to: 19 })).toEqual([...bytes.subarray(2, 19)]);
    expect(wire.asked).toEqual([
      [2, 19],
      [5, 19],
      [8, 19],
      [11, 19],
      [14, 19],
    ]);
  });

  it('a chunk with more bytes than were asked for is not taken, and nothing is lost with it', async () => {
    const wire = wireOf(bytes, ['more', 'more', 'more']);
    expect(await read(wire, { from: 0, to: 15 })).toEqual([...bytes.subarray(0, 15)]);
    expect(wire.asked).toEqual([
      [0, 15],
      [3, 15],
      [6, 15],
      [9, 15],
    ]);
  });

  it.each([
    ['ENOTFOUND', 'SOURCE_HOST_UNKNOWN', 1],
    ['ECONNREFUSED', 'SOURCE_UNREACHABLE', 3],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'SOURCE_TLS', 1],
    ['ECONNRESET', 'OBJECTS_FAILED', 3],
  ] as const)('%s is %s after %i attempts that bring nothing', async (code, told, attempts) => {
    const wire = wireOf(bytes, []);
    let asked = 0;
    const failing: ObjectWire = {
      ...wire,
      get: async () => {
        asked += 1;
        throw new Error('fetch failed', { cause: Object.assign(new Error('inner'), { code }) });
      },
    };
    expect(problemOf(await read(failing).catch((failed: unknown) => failed)).code).toBe(told);
    expect(asked).toBe(attempts);
  });
});

describe('ranges in parallel', () => {
  it('are in order whatever comes first, and never more at once than allowed', async () => {
    let open = 0;
    let most = 0;
    const range = async function* ({ from, to }: { from: number; to: number }) {
      most = Math.max(most, ++open);
      // Later ranges are there first.
      for (let turns = 0; turns < 100 - from; turns++) await Promise.resolve();
      yield Uint8Array.from({ length: to - from }, (_, i) => from + i);
      open -= 1;
    };
    const found: number[] = [];
    const ahead = readAhead(range, { bytes: 101 }, { from: 4 }, never, { connections: 4, chunkBytes: 7 });
    for await (const chunk of ahead) found.push(...chunk);
    expect(found).toEqual(Array.from({ length: 97 }, (_, i) => i + 4));
    expect(most).toBe(4);
    expect(open).toBe(0);
  });

  it('one that fails fails the whole, and the others are ended', async () => {
    const aborted: number[] = [];
    const range = async function* ({ from }: { from: number; to: number }, signal: AbortSignal) {
      if (from === 0) throw new Error('this one');
      await new Promise((done) => signal.addEventListener('abort', done));
      aborted.push(from);
      yield new Uint8Array(1);
    };
    const reading = (async () => {
      for await (const _ of readAhead(range, { bytes: 30 }, { from: 0 }, never, { connections: 3, chunkBytes: 10 }));
    })();
    await expect(reading).rejects.toThrow('this one');
    expect(aborted).toEqual([10, 20]);
  });
});
