/** A store of objects over the calls of its wire: pages, retries, versions. */
import type { ListRequest, ObjectStore, StoredObject } from '../contracts/object-store.ts';
import { type Budget, budgetOf, repeatedly, startRetry } from '../retry.ts';
import { checkStore } from './check.ts';
import { isPassing, objectProblem, type Work } from './problem.ts';
import { type Patience, readBytes } from './reading.ts';
import type { ObjectWire, Page, PageRequest } from './wire.ts';

/** What no tenant file decides. */
export interface ObjectStoreOptions {
  /** Default: TRIBUTARY_RETRY_SECONDS. */
  readonly budget?: Budget;
  /** Without a byte for so long a request is given up, and tried again; default 60 s. */
  readonly stallMs?: number;
}

const STALL_MS = 60_000;

/** Makes a store of a wire, which may need time, as for a secret, and is made with the first call. */
export function openObjectStore(
  kind: ObjectStore['kind'],
  uri: (name?: string) => string,
  connect: () => Promise<ObjectWire>,
  { budget = budgetOf(), stallMs = STALL_MS }: ObjectStoreOptions = {},
): ObjectStore {
  let connecting: Promise<ObjectWire> | undefined;
  const patience: Patience = { budget, stallMs };
  const connected = () => {
    connecting ??= connect().catch((error: unknown) => {
      connecting = undefined;
      throw error;
    });
    return connecting;
  };
  return {
    kind,
    uri,
    async *list(request, signal) {
      yield* pages(await connected(), request, patience, signal);
    },
    async stat(name, signal) {
      // Of all names that begin so it is the first one; unlike a HEAD an empty answer tells the object from the bucket.
      const { objects } = await page(await connected(), { prefix: name, limit: 1 }, patience, signal);
      return objects.find((object) => object.name === name) ?? null;
    },
    async *open(object, range, signal) {
      yield* readBytes(await connected(), object, range, patience, signal);
    },
    check: (target, signal) => checkStore(connected, target, signal),
    async [Symbol.asyncDispose]() {
      (await connecting?.catch(() => undefined))?.close?.();
    },
  };
}

async function* pages(
  wire: ObjectWire,
  { prefix, after }: ListRequest,
  patience: Patience,
  signal: AbortSignal,
): AsyncGenerator<readonly StoredObject[], void, undefined> {
  let token: string | null = null;
  do {
    const request: PageRequest = {
      prefix,
      ...(after === undefined ? {} : { after }),
      ...(token === null ? {} : { token }),
    };
    const { objects, next }: Page = await page(wire, request, patience, signal);
    yield after === undefined ? objects : objects.filter(({ name }) => isAfter(name, after));
    token = next;
  } while (token !== null);
}

function page(wire: ObjectWire, request: PageRequest, patience: Patience, signal: AbortSignal): Promise<Page> {
  const work: Work = { action: 'list', object: wire.uri(request.prefix) };
  const retry = startRetry({
    budget: patience.budget,
    isTransient: (error) => isPassing(wire, error),
    givenUp: (error, tried) => objectProblem(wire, error, work, tried),
  });
  const once = async () => {
    signal.throwIfAborted();
    return await wire.page(request, AbortSignal.any([signal, AbortSignal.timeout(patience.stallMs)]));
  };
  return repeatedly(once, retry, signal);
}

/** In the order of UTF-8 bytes, which is not that of JavaScript's text. */
function isAfter(name: string, other: string): boolean {
  return Buffer.compare(Buffer.from(name), Buffer.from(other)) > 0;
}
