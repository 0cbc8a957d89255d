/** Operations of the Admin API, over REST: the managed export is one. */
import { TributaryError } from '../../core/errors.ts';
import { budgetOf, repeatedly, startRetry } from '../../core/retry.ts';
import type { FirestoreConnection } from './client.ts';
import { factsOf } from './errors.ts';

/** An export as the API tells of it. */
export interface Operation {
  /** `projects/acme-app/databases/(default)/operations/AbC`. */
  readonly name: string;
  readonly done?: boolean;
  readonly error?: { readonly code?: number; readonly message?: string };
  readonly metadata?: {
    readonly outputUriPrefix?: string;
    readonly snapshotTime?: string;
    readonly operationState?: string;
    readonly progressDocuments?: { readonly completedWork?: string };
    readonly progressBytes?: { readonly completedWork?: string };
  };
}

export interface ExportRequest {
  readonly collectionIds: readonly string[];
  readonly outputUriPrefix: string;
  /** Whole minutes; all documents are of that time. */
  readonly snapshotTime: string;
}

export interface Admin {
  /** Not repeated: an answer that is lost may have begun one. */
  exportDocuments(request: ExportRequest, signal: AbortSignal): Promise<Operation>;
  get(name: string, signal: AbortSignal): Promise<Operation>;
  list(signal: AbortSignal): Promise<readonly Operation[]>;
  /** Best effort, and not for long: also on the way out. */
  cancel(name: string): Promise<void>;
}

const GOOGLE = 'https://firestore.googleapis.com';
const SCOPES = ['https://www.googleapis.com/auth/datastore'];
const ANSWER_MS = 60_000;
const CANCEL_MS = 5000;

/** What the API answered instead. */
class AdminFailure extends Error {
  override readonly name = 'AdminFailure';
  /** Of HTTP; `null` where no answer came. */
  readonly status: number | null;

  constructor(status: number | null, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.status = status;
  }
}

export function isTransient(error: unknown): boolean {
  if (!(error instanceof AdminFailure)) return false;
  return error.status === null || error.status === 429 || error.status >= 500;
}

export async function openAdmin(connection: FirestoreConnection, object: string): Promise<Admin> {
  const { project, database, admin } = connection;
  const place = `projects/${project}/databases/${database}`;
  const headers = admin === undefined ? await google() : async () => ({ authorization: 'Bearer owner' });
  const host = admin === undefined ? GOOGLE : `http://${admin}`;
  async function ask<T>(method: 'GET' | 'POST', path: string, body: object | null, signal: AbortSignal): Promise<T> {
    const answer = await fetch(`${host}/v1/${path}`, {
      method,
      headers: { ...(await headers()), 'content-type': 'application/json' },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    }).catch((cause: unknown) => {
      if (signal.aborted) throw signal.reason;
      throw new AdminFailure(null, 'no answer', { cause });
    });
    const text = await answer.text();
    if (!answer.ok) throw new AdminFailure(answer.status, messageOf(text));
    return JSON.parse(text) as T;
  }
  const repeated = <T>(work: () => Promise<T>, signal: AbortSignal) => {
    const givenUp = (error: unknown) => adminProblem(error, connection, object);
    return repeatedly(work, startRetry({ budget: budgetOf(), isTransient, givenUp }), signal);
  };
  return {
    exportDocuments: (request, signal) => ask('POST', `${place}:exportDocuments`, request, signal),
    get: (name, signal) => repeated(() => ask('GET', name, null, signal), signal),
    async list(signal) {
      const found: Operation[] = [];
      let token = '';
      do {
        const path = `${place}/operations${token === '' ? '' : `?pageToken=${encodeURIComponent(token)}`}`;
        const page = await repeated(() => ask<Page>('GET', path, null, signal), signal);
        found.push(...(page.operations ?? []));
        token = page.nextPageToken ?? '';
      } while (token !== '');
      return found;
    },
    cancel: (name) =>
      ask('POST', `${name}:cancel`, {}, AbortSignal.timeout(CANCEL_MS)).then(
        () => undefined,
        () => undefined,
      ),
  };
}

interface Page {
  readonly operations?: readonly Operation[];
  readonly nextPageToken?: string;
}

async function google(): Promise<() => Promise<Record<string, string>>> {
  const { GoogleAuth } = await import('google-auth-library');
  const identity = await new GoogleAuth({ scopes: SCOPES }).getClient();
  return async () => Object.fromEntries(await identity.getRequestHeaders());
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { error?: { message?: string } }).error?.message ?? text;
  } catch {
    return text;
  }
}

/** The problem behind a failure; the rest of the catalogue's entries of Firestore are made in errors.ts. */
export function adminProblem(error: unknown, connection: FirestoreConnection, object: string): unknown {
  if (!(error instanceof AdminFailure)) return error;
  const facts = factsOf(connection, object);
  const reason = error.message;
  const options = { cause: error };
  switch (error.status) {
    case 401:
      return new TributaryError('SOURCE_AUTHENTICATION', { ...facts, reason }, options);
    case 403:
      return new TributaryError(
        'SOURCE_PERMISSION',
        { ...facts, object: `${object} by a managed export`, grant: exportGrant(connection.project) },
        options,
      );
    case null:
      return new TributaryError('SOURCE_UNREACHABLE', { ...facts, reason }, options);
    case 429:
      return new TributaryError('SOURCE_BUSY', { ...facts, reason }, options);
    default:
      return new TributaryError('SOURCE_FAILED', { ...facts, reason: `The export of ${object}: ${reason}` }, options);
  }
}

/** The command that gives the runner the right to export. */
function exportGrant(project: string): string {
  return `gcloud projects add-iam-policy-binding ${project} --member=serviceAccount:<runner> --role=roles/datastore.importExportAdmin`;
}
