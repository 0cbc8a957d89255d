/** The connection test of a store: one named step after the other, each with what it found. */
import { lookup } from 'node:dns/promises';
import type { StoredObject } from '../contracts/object-store.ts';
import type { Check } from '../contracts/source.ts';
import { problemOf } from '../errors.ts';
import { objectProblem, type Work } from './problem.ts';
import type { ObjectWire } from './wire.ts';

type Outcome = Pick<Check, 'status' | 'found' | 'problem'>;

const ONCE = { attempts: 1, seconds: 0 };
/** A look at a few is enough to read one. */
const LOOK = 100;

/** Ends after the first step that fails. Throws for an aborted signal only. */
export async function* checkStore(
  connect: () => Promise<ObjectWire>,
  { prefix }: { readonly prefix: string },
  signal: AbortSignal,
): AsyncGenerator<Check, void, undefined> {
  let connected: ObjectWire | null = null;
  const settings = await timed('settings', 'Settings and secret', async () => {
    signal.throwIfAborted();
    try {
      connected = await connect();
      return { status: 'pass', found: connected.uri() };
    } catch (error) {
      return { status: 'fail', problem: problemOf(error) };
    }
  });
  yield settings;
  for (const next of connected === null ? [] : steps(connected, prefix, signal)) {
    const check = await next();
    signal.throwIfAborted();
    yield check;
    if (check.status === 'fail') return;
  }
}

function steps(wire: ObjectWire, prefix: string, signal: AbortSignal): readonly (() => Promise<Check>)[] {
  const { hostname } = new URL(wire.facts.endpoint);
  let objects: readonly StoredObject[] = [];
  const step = (id: string, title: string, action: Work['action'], work: () => Promise<Outcome>) => () =>
    timed(id, title, async () => {
      try {
        signal.throwIfAborted();
        return await work();
      } catch (error) {
        const object = wire.uri(action === 'log in to' ? undefined : prefix);
        return { status: 'fail', problem: problemOf(objectProblem(wire, error, { action, object }, ONCE)) };
      }
    });
  return [
    step('resolve', 'Host name', 'log in to', async () => {
      const { address } = await lookup(hostname.replace(/^\[|\]$/g, ''));
      return { status: 'pass', found: `${hostname}, ${address}` };
    }),
    step('credential', 'Credential', 'log in to', async () => ({ status: 'pass', found: await wire.login(signal) })),
    step('list', 'Permission to list', 'list', async () => {
      ({ objects } = await wire.page({ prefix, limit: LOOK }, signal));
      const some = objects.length === LOOK ? `${LOOK} objects or more` : `${objects.length} object(s)`;
      return { status: 'pass', found: some };
    }),
    step('read', 'Permission to read', 'read', async () => {
      const object = objects.find(({ bytes }) => bytes > 0);
      if (object === undefined) return { status: 'skip', found: 'no object that could be read' };
      for await (const _ of await wire.get(object, 0, 1, signal)) break;
      return { status: 'pass', found: object.name };
    }),
  ];
}

async function timed(id: string, title: string, work: () => Promise<Outcome>): Promise<Check> {
  const start = performance.now();
  const outcome = await work();
  return { id, title, ...outcome, ms: Math.round(performance.now() - start) };
}
