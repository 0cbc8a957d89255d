/** The calls of Cloud Storage's JSON API that a reader needs. */
import { text } from 'node:stream/consumers';
import { GoogleAuth } from 'google-auth-library';
import type { ObjectWire } from '../../core/objects/wire.ts';
import { gcsAnswer, Refused } from './errors.ts';
import { openConnections } from './http.ts';

interface Item {
  readonly name: string;
  readonly generation: string;
  readonly size: string;
  readonly timeCreated: string;
}

/** The most that Cloud Storage gives at once. */
const PAGE = 1000;
const GOOGLE = 'https://storage.googleapis.com';
const SCOPE = 'https://www.googleapis.com/auth/devstorage.read_only';
const FIELDS = 'nextPageToken,items(name,generation,size,timeCreated)';

export function gcsWire(tenant: string, bucket: string, uri: (name?: string) => string): ObjectWire {
  const emulator = process.env.STORAGE_EMULATOR_HOST;
  const origin = emulator ? originOf(emulator) : GOOGLE;
  const objects = `${origin}/storage/v1/b/${bucket}/o`;
  const connections = openConnections(origin);
  const auth = emulator ? null : new GoogleAuth({ scopes: SCOPE });
  const headers = async (url: string): Promise<Record<string, string>> =>
    auth === null ? {} : Object.fromEntries(await auth.getRequestHeaders(url));
  const grant = `gcloud storage buckets add-iam-policy-binding gs://${bucket} --member=serviceAccount:<account of the runner> --role=roles/storage.objectViewer`;
  return {
    kind: 'gcs',
    facts: {
      ...{ tenant, bucket: uri(), endpoint: origin, field: 'bucket' },
      who: 'The account that runs this',
      grants: { list: grant, read: grant },
      advice: 'Log in: gcloud auth application-default login. On Cloud Run the service account of the job is used.',
    },
    uri,
    async login() {
      if (auth === null) return 'none: an emulator';
      await auth.getAccessToken();
      const { client_email: account } = await auth.getCredentials();
      return account ?? 'credentials of the environment';
    },
    async page({ prefix, after, token, limit }, signal) {
      const url = new URL(objects);
      url.searchParams.set('prefix', prefix);
      url.searchParams.set('fields', FIELDS);
      if (after !== undefined) url.searchParams.set('startOffset', after);
      if (token !== undefined) url.searchParams.set('pageToken', token);
      url.searchParams.set('maxResults', `${limit ?? PAGE}`);
      const answer = await connections.get(url, await headers(url.href), signal);
      const body = await text(answer);
      if (answer.statusCode !== 200) throw new Refused(answer.statusCode ?? 0, body, 'bucket');
      const { items = [], nextPageToken } = JSON.parse(body) as { items?: readonly Item[]; nextPageToken?: string };
      return {
        objects: items.map(({ name, generation, size, timeCreated }) => ({
          ...{ name, version: generation, bytes: Number(size) },
          modifiedAt: new Date(timeCreated).toISOString(),
        })),
        next: nextPageToken ?? null,
      };
    },
    async get({ name, version }, from, to, signal) {
      const url = new URL(`${objects}/${encodeURIComponent(name)}`);
      url.searchParams.set('alt', 'media');
      url.searchParams.set('generation', version);
      // Without gzip the server would decompress what is stored with that encoding.
      const more = { range: `bytes=${from}-${to - 1}`, 'accept-encoding': 'gzip' };
      const answer = await connections.get(url, { ...(await headers(url.href)), ...more }, signal);
      if (answer.statusCode === 206 || (answer.statusCode === 200 && from === 0)) return answer;
      throw new Refused(answer.statusCode ?? 0, await text(answer), 'object');
    },
    answered: gcsAnswer,
    close: () => connections.close(),
  };
}

/** Both ways to write it are met: with and without the path of the API. */
function originOf(endpoint: string): string {
  return new URL(/^https?:\/\//.test(endpoint) ? endpoint : `http://${endpoint}`).origin;
}
