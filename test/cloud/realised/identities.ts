/** What a container of an account sees of the cloud: doors that are its own, named as the emulators' clients look for them. */

import type { TokenIssuer } from '../../servers/issuer.ts';
import type { SecretManagerServer } from '../../servers/secret-manager.ts';
import type { Store } from '../store.ts';
import { startMetadataOf } from './accounts.ts';
import { bigqueryGate, type Refused, storageGate } from './gates.ts';
import { mayDo } from './iam.ts';
import type { LocalPubsub } from './pubsub.ts';
import type { WebServer } from './web.ts';

export interface IdentityOptions {
  readonly store: Store;
  readonly issuer: TokenIssuer;
  readonly bigquery: string;
  readonly storage: string;
  readonly firestore: string;
  readonly secrets: SecretManagerServer;
  readonly pubsub: LocalPubsub;
  /** A door to Cloud Run's API for an account. */
  readonly cloudRun: (who: string) => Promise<string>;
  readonly onRefused: (refused: Refused) => void;
}

export interface Identities extends AsyncDisposable {
  /** Variables for a container of this account. */
  environmentOf(who: string): Promise<Readonly<Record<string, string>>>;
}

export function openIdentities(options: IdentityOptions): Identities {
  const { store, issuer, bigquery, storage, firestore, secrets, pubsub, cloudRun, onRefused } = options;
  const known = new Map<string, Promise<Readonly<Record<string, string>>>>();
  const servers: WebServer[] = [];
  const opened = async (server: Promise<WebServer>) => {
    servers.push(await server);
    return (await server).url;
  };

  async function open(who: string): Promise<Readonly<Record<string, string>>> {
    const gate = (upstream: string) => ({ store, who, upstream, onRefused });
    return {
      GCE_METADATA_HOST: (await opened(startMetadataOf(issuer, store, who))).replace('http://', ''),
      BIGQUERY_EMULATOR_HOST: await opened(bigqueryGate(gate(bigquery))),
      STORAGE_EMULATOR_HOST: await opened(storageGate(gate(storage))),
      PUBSUB_EMULATOR_HOST: (await opened(pubsub.gate(who))).replace('http://', ''),
      SECRET_MANAGER_EMULATOR_HOST: await secrets.gate(who),
      CLOUD_RUN_EMULATOR_HOST: await cloudRun(who),
    };
  }

  return {
    async environmentOf(who) {
      const found = known.get(who) ?? open(who);
      known.set(who, found);
      return { ...(await found), ...firestoreOf(store, firestore, who) };
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(known.values());
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    },
  };
}

/** Its protocol passes no door of ours: who may use the run store is told where it is, and nobody else. */
function firestoreOf(store: Store, firestore: string, who: string): Readonly<Record<string, string>> {
  const databases = store.list('gcp:firestore/database:Database');
  const may = databases.some(({ id }) => {
    const [, project = ''] = id.split('/');
    return mayDo(store, { permission: 'datastore.entities.create', who, on: 'project', resource: id, project });
  });
  return may ? { FIRESTORE_EMULATOR_HOST: firestore } : {};
}
