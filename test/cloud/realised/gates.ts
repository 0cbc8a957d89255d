/**
 * Doors to the emulators, one of each for an account: their clients bring no credentials, so the port says who calls, and
 * what the account holds in the simulated IAM decides.
 */
import type { IncomingMessage } from 'node:http';
import { googleError } from '../emulators/fault.ts';
import type { Store } from '../store.ts';
import { mayDo, type Question } from './iam.ts';
import { bodyOf, pass, send, serveWeb, type WebServer } from './web.ts';

/** A call that was refused. */
export interface Refused {
  readonly who: string;
  readonly permission: string;
  readonly resource: string;
}

/** What a call needs, all of it. */
type Needs = (call: { method: string; path: string; body: unknown }) => readonly Omit<Question, 'who'>[];

export interface GateOptions {
  readonly store: Store;
  /** E-mail of the account whose door it is. */
  readonly who: string;
  readonly upstream: string;
  readonly onRefused: (refused: Refused) => void;
}

async function openGate({ store, who, upstream, onRefused }: GateOptions, needs: Needs): Promise<WebServer> {
  return serveWeb(async (incoming, response) => {
    const body = await bodyOf(incoming);
    const asked = needs({ method: incoming.method ?? 'GET', path: pathOf(incoming), body: jsonOf(body) });
    const missing = asked.find((need) => !mayDo(store, { ...need, who }));
    if (missing === undefined) return pass(incoming, response, upstream, { host: undefined }, body);
    const { permission, resource } = missing;
    onRefused({ who, permission, resource });
    const words = `${who} does not have ${permission} access to ${resource}, or it may not exist.`;
    const { status, body: refusal } = googleError('forbidden', words);
    send(response, status, refusal);
  });
}

/** BigQuery: jobs in a project; tables of a dataset, also those that a statement names. */
export function bigqueryGate(options: GateOptions): Promise<WebServer> {
  const { store } = options;
  return openGate(options, ({ method, path, body }) => {
    const [, project = '', rest = ''] = /\/projects\/([^/?]+)(?:\/([^?]*))?/.exec(path) ?? [];
    const on = (dataset: string, permission: string, home = project) => ({
      ...{ permission, on: 'dataset' as const, project: home },
      resource: `projects/${home}/datasets/${dataset}`,
    });
    const [, dataset, below] = /^datasets\/([^/]+)(\/.+)?$/.exec(rest) ?? [];
    if (dataset !== undefined && below === undefined) {
      if (method === 'GET') return [on(dataset, 'bigquery.datasets.get')];
      return [on(dataset, method === 'DELETE' ? 'bigquery.datasets.delete' : 'bigquery.datasets.update')];
    }
    if (dataset !== undefined) {
      const permission = TABLE_PERMISSIONS[method] ?? 'bigquery.tables.get';
      return [on(dataset, permission)];
    }
    if (rest === 'datasets' && method === 'POST') {
      return [{ permission: 'bigquery.datasets.create', on: 'project', resource: project, project }];
    }
    if (method !== 'POST') return [];
    const named = datasetsIn(body, project).filter(({ name, home }) =>
      store.read('gcp:bigquery/dataset:Dataset', `projects/${home}/datasets/${name}`),
    );
    return [
      { permission: 'bigquery.jobs.create', on: 'project', resource: project, project },
      ...named.map(({ name, home }) => on(name, 'bigquery.tables.getData', home)),
    ];
  });
}

const TABLE_PERMISSIONS: Readonly<Record<string, string>> = {
  DELETE: 'bigquery.tables.delete',
  PATCH: 'bigquery.tables.update',
  POST: 'bigquery.tables.create',
  PUT: 'bigquery.tables.update',
};

/** Every dataset a job speaks of: references, and names before a dot in its statement. */
function datasetsIn(body: unknown, project: string): { name: string; home: string }[] {
  const found = new Map<string, { name: string; home: string }>();
  const add = (name: string, home: string) => found.set(`${home}.${name}`, { name, home });
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === 'object' && value !== null) {
      const { datasetId, projectId = project, query } = value as Record<string, unknown>;
      if (typeof datasetId === 'string') add(datasetId, `${projectId}`);
      if (typeof query === 'string') for (const { name, home } of namesIn(query, project)) add(name, home);
      Object.values(value).forEach(visit);
    }
  };
  visit(body);
  return [...found.values()];
}

/** `dataset.table` and `project.dataset.table`, quoted as a whole, in parts or not at all. */
function namesIn(sql: string, project: string): { name: string; home: string }[] {
  const plain = sql.replaceAll('`', '');
  const whole = [...plain.matchAll(/(?<![\w.-])([a-z][a-z0-9-]+)\.(\w+)\.\w+/g)];
  const short = [...plain.matchAll(/(?<![\w.-])(\w+)\.\w+/g)];
  return [
    ...whole.map(([, home = '', name = '']) => ({ name, home })),
    ...short.map(([, name = '']) => ({ name, home: project })),
  ];
}

/** Cloud Storage: objects of a bucket. */
export function storageGate(options: GateOptions): Promise<WebServer> {
  return openGate(options, ({ method, path }) => {
    const [, bucket] = /\/b\/([^/?]+)/.exec(path) ?? [];
    if (bucket === undefined) return [];
    const isList = method === 'GET' && /\/o(?:\?|$)/.test(path);
    const permission = isList ? 'storage.objects.list' : (OBJECT_PERMISSIONS[method] ?? 'storage.objects.get');
    return [{ permission, on: 'bucket', resource: bucket, project: projectOfBucket(options.store, bucket) }];
  });
}

const OBJECT_PERMISSIONS: Readonly<Record<string, string>> = {
  DELETE: 'storage.objects.delete',
  PATCH: 'storage.objects.create',
  POST: 'storage.objects.create',
  PUT: 'storage.objects.create',
};

function projectOfBucket(store: Store, bucket: string): string {
  return `${store.read('gcp:storage/bucket:Bucket', bucket)?.inputs.project ?? ''}`;
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return decodeURIComponent(url.split('?')[0] ?? '/');
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}
