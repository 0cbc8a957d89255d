/** What must exist, and where, before Google takes a resource that names it. */
import { badRequest, noServiceAccount, notFound } from '../errors.ts';
import { stringAt, stringsAt } from '../values.ts';
import { fillIn, type Reference, type World } from './kind.ts';

const ACCOUNT = 'gcp:serviceaccount/account:Account';
const KEY = 'gcp:kms/cryptoKey:CryptoKey';

/** Google's own accounts, which no project holds. */
const ROBOTS =
  /^(?:gcp-sa-[a-z0-9-]+|gs-project-accounts|serverless-robot-prod|compute-system|dataflow-service-producer-prod|bigquery-encryption)$/;

/** The resource with the id that the template gives; skipped where inputs name none. */
export function exists(type: string, template: string): Reference {
  return (inputs, world) => {
    const id = fillIn(template, inputs, world);
    if (id !== null && world.store.read(type, id) === null) throw notFound(id);
  };
}

/** Each string at the path is the id of one. */
export function eachExists(type: string, path: string, pattern = /^.*$/): Reference {
  return (inputs, { store }) => {
    for (const { value } of stringsAt(inputs, path)) {
      if (pattern.test(value) && store.read(type, value) === null) throw notFound(value);
    }
  };
}

export function accountExists(email: string, { store }: World): boolean {
  const project = /^[^@]+@([^.]+)\.iam\.gserviceaccount\.com$/.exec(email)?.[1];
  if (project === undefined) return /@(?:developer|cloudservices|appspot)\.gserviceaccount\.com$/.test(email);
  return ROBOTS.test(project) || store.read(ACCOUNT, `projects/${project}/serviceAccounts/${email}`) !== null;
}

/** A service account that the resource runs or calls as. */
export function account(path: string): Reference {
  return (inputs, world) => {
    for (const { value } of stringsAt(inputs, path)) {
      if (!accountExists(value, world)) throw noServiceAccount(value);
    }
  };
}

const KEY_PLACES: Readonly<Record<string, string>> = { eu: 'europe' };

/** A key that exists, in the place where the data is. */
export function key(path: string, place: string): Reference {
  return (inputs, { store }) => {
    for (const { value } of stringsAt(inputs, path)) {
      if (store.read(KEY, value) === null) throw notFound(value);
      const [, where] = /\/locations\/([^/]+)\//.exec(value) ?? [];
      const data = stringAt(inputs, place)?.toLowerCase();
      if (data !== undefined && where !== (KEY_PLACES[data] ?? data)) {
        throw badRequest(`Cloud KMS key ${value} is in ${where}, the resource in ${data}`);
      }
    }
  };
}
