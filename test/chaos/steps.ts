/** Which step of a run on BigQuery a call belongs to. */

/** A call as it passes on the wire. */
export interface Passing {
  readonly server: 'bigquery' | 'storage';
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly jobId: string | null;
}

/** `tributary_acme_orders_<run>_<token>_load_rows_1_<digest>`, `tributary_read_<uuid>`. */
const OF_A_RUN = /_(?:\d+)_([a-z]+(?:_[a-z]+)?)_\d+_[0-9a-f]{12}$/;
const OF_NO_RUN = /^tributary_([a-z]+(?:_[a-z]+)?)_[0-9a-f-]{36}$/;

/** The purpose in a job's id. */
export function purposeOf(jobId: string): string {
  return (OF_A_RUN.exec(jobId) ?? OF_NO_RUN.exec(jobId))?.[1] ?? 'unknown';
}

/**
 * In a few words, the same for the same step of every run.
 *
 * @example 'commit: insert', 'load_rows: ask', 'staging: list tables', 'objects: send rows'
 */
export function stepOf(call: Passing): string {
  return call.server === 'storage' ? storageStep(call) : bigqueryStep(call);
}

function bigqueryStep({ method, path, jobId }: Passing): string {
  const [place = ''] = path.split('?');
  const below = place.replace(/^.*\/projects\/[^/]+/, '');
  const [, kind, name = '', inner, table] = below.split('/');
  if (kind === 'jobs' && name === '') return `${purposeOf(jobId ?? '')}: insert`;
  if (kind === 'jobs') return `${purposeOf(name)}: ${inner === 'cancel' ? 'cancel' : 'ask'}`;
  if (kind === 'queries') return `${purposeOf(name)}: ${path.includes('maxResults=0') ? 'wait' : 'rows'}`;
  const dataset = name.replace(/^.*_(raw|staging|tributary)$/, '$1') || 'datasets';
  if (inner === undefined) return `${dataset}: ${method.toLowerCase()} dataset`;
  if (table === undefined) return `${dataset}: ${method === 'GET' ? 'list' : 'create'} tables`;
  return `${dataset}: ${method.toLowerCase()} table`;
}

function storageStep({ method, path }: Passing): string {
  const url = new URL(path, 'http://storage');
  const manifest = /manifest\.json/.test(decodeURIComponent(url.search + url.pathname)) ? 'manifest' : 'part';
  if (url.pathname.includes('/upload/')) {
    if (url.searchParams.has('upload_id')) return `objects: send ${manifest}`;
    return method === 'POST' ? `objects: begin ${manifest}` : `objects: send ${manifest}`;
  }
  if (method === 'GET' && /\/o\/?$/.test(url.pathname)) return 'objects: list';
  return `objects: ${method.toLowerCase()}`;
}
