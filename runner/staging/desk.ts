/** The work of a run in pieces, and what came of each: `<run id>/<fencing token>/splits/{work.json,results/,problems/}`. */
import type { Bucket } from '@google-cloud/storage';
import { stagingPath } from '../../tenants/naming.ts';
import type { SplitDesk, SplitResult, SplitWork } from '../core/contracts/splits.ts';
import type { RunIdentity } from '../core/contracts/warehouse.ts';
import { TributaryError } from '../core/errors.ts';
import type { Budget } from '../core/retry.ts';
import { jsonObjects, NOTHING } from './json-objects.ts';
import { removeObjects } from './objects.ts';
import { claim, found } from './ownership.ts';
import { problemNoted, resultOf, workOf } from './split-objects.ts';

const WORK = 'splits/work.json';
const AT_ONCE = 8;

export interface DeskOptions {
  readonly bucket: Bucket;
  readonly tenant: string;
  readonly budget: Budget;
}

export function openDesk({ bucket, tenant, budget }: DeskOptions): SplitDesk {
  const objects = jsonObjects(bucket, tenant, budget);
  const uri = (name: string) => `gs://${bucket.name}/${name}`;
  const folderAt = (address: string) => folderOf(address, bucket.name);

  async function workAt(name: string): Promise<SplitWork | null> {
    const value = await objects.read(name);
    if (value === undefined) return null;
    const work = workOf(value, uri(name));
    const { tenant: owner, source, runId, fencingToken } = work.parts.run;
    if (`${stagingPath(owner, source, runId, fencingToken)}${WORK}` === name) return work;
    throw new TributaryError('STAGING_CORRUPT', { uri: uri(name), reason: 'it is the work of another run' });
  }

  async function resultAt(name: string): Promise<SplitResult | null> {
    const value = await objects.read(name);
    return value === undefined ? null : resultOf(value, uri(name));
  }

  /** Reads what lies in one folder, several objects at once, by the ids in their names. */
  async function all<T>(folder: string, read: (name: string) => Promise<T | null>): Promise<ReadonlyMap<string, T>> {
    const values = new Map<string, T>();
    const waiting = (await objects.names(folder)).values();
    const work = async () => {
      for (const name of waiting) {
        const value = await read(name);
        if (value !== null) values.set(idOf(name), value);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return values;
  }

  return {
    async lay(work) {
      const { tenant: owner, source, runId, fencingToken } = work.parts.run;
      const folder = stagingPath(owner, source, runId, fencingToken);
      await found(objects, folder, fencingToken);
      const name = `${folder}${WORK}`;
      if (!(await objects.write(name, work, NOTHING))) {
        const there = await objects.read(name);
        if (JSON.stringify(there) !== JSON.stringify(JSON.parse(JSON.stringify(work))))
          throw new TributaryError('STAGING_CORRUPT', { uri: uri(name), reason: 'it is another work of this process' });
      }
      return uri(name);
    },
    async work(address) {
      const work = await workAt(`${folderAt(address)}${WORK}`);
      if (work !== null) return work;
      throw new TributaryError('SPLIT_LOST', {
        object: address,
        reason: 'the work was removed, as when its run has ended',
      });
    },
    async earlier(run) {
      const own = stagingPath(run.tenant, run.source, run.runId);
      const tokens = (await objects.names(own)).flatMap((name) => {
        const [, token, rest] = /^(\d+)\/(.+)$/.exec(name.slice(own.length)) ?? [];
        return rest === WORK && Number(token) < run.fencingToken ? [Number(token)] : [];
      });
      for (const token of tokens.sort((a, b) => b - a)) {
        const folder = stagingPath(run.tenant, run.source, run.runId, token);
        if (!(await claim(objects, folder, run.fencingToken))) continue;
        const work = await workAt(`${folder}${WORK}`);
        if (work !== null) return { address: uri(`${folder}${WORK}`), work };
      }
      return null;
    },
    async record(address, result) {
      const name = `${folderAt(address)}${resultName(result.id)}`;
      if (await objects.write(name, result, NOTHING)) return result;
      return (await resultAt(name)) ?? result;
    },
    results: (address) => all(`${folderAt(address)}splits/results/`, resultAt),
    result: (address, id) => resultAt(`${folderAt(address)}${resultName(id)}`),
    async done(address) {
      return new Set((await objects.names(`${folderAt(address)}splits/results/`)).map(idOf));
    },
    async complain(address, id, problem) {
      await objects.write(`${folderAt(address)}splits/problems/${id}.json`, problem);
    },
    problems: (address) =>
      all(`${folderAt(address)}splits/problems/`, async (name) => problemNoted(await objects.read(name))),
    async drop(address, { id, attempt }) {
      for (const name of ['rows', 'keys']) {
        const prefix = `${folderAt(address)}${name}/${id}-${attempt}/`;
        await removeObjects({ bucket, tenant, budget, prefix, keep: () => false });
      }
    },
  };
}

/** What a work's address says: `gs://bucket/acme/orders/<run id>/<fencing token>/splits/work.json`. */
export function parseAddress(address: string): {
  readonly bucket: string;
  readonly folder: string;
  readonly run: Omit<RunIdentity, 'startedAt'>;
} {
  const [, bucket, folder, tenant, source, runId, token] =
    /^gs:\/\/([^/]+)\/(([^/]+)\/([^/]+)\/([^/]+)\/(\d+)\/)splits\/work\.json$/.exec(address) ?? [];
  if (bucket && folder && tenant && source && runId)
    return { bucket, folder, run: { tenant, source, runId, fencingToken: Number(token) } };
  throw new TributaryError('USAGE', {
    reason: `${address || 'Nothing'} is no address of a work in pieces.`,
    advice: 'It is written by the runner: gs://<bucket>/<tenant>/<source>/<run id>/<token>/splits/work.json',
  });
}

function folderOf(address: string, bucket: string): string {
  const parsed = parseAddress(address);
  if (parsed.bucket === bucket) return parsed.folder;
  throw new TributaryError('USAGE', { reason: `${address} does not lie in gs://${bucket}.` });
}

function resultName(id: string): string {
  return `splits/results/${id}.json`;
}

function idOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1).replace(/\.json$/, '');
}
