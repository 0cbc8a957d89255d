/**
 * The simulated cloud made real on this machine: what a stack provisions becomes datasets, buckets, secrets, schedules and
 * processes. README.md says what is real and what is not.
 */
import { type BigqueryServer, startBigquery } from '../../servers/bigquery.ts';
import { type CloudRunServer, startCloudRun } from '../../servers/cloud-run.ts';
import { type FirestoreServer, startFirestore } from '../../servers/firestore.ts';
import type { TokenIssuer } from '../../servers/issuer.ts';
import { startIssuer } from '../../servers/issuer.ts';
import { type SecretManagerServer, startSecretManager } from '../../servers/secret-manager.ts';
import { type StorageServer, startStorage } from '../../servers/storage.ts';
import { CloudError } from '../errors.ts';
import { type Cloud, openCloud } from '../harness.ts';
import { Store } from '../store.ts';
import type { Change, Realised } from './change.ts';
import { PROGRAMS, type Programs } from './containers.ts';
import { dataRealisers, type Realiser } from './data.ts';
import type { Refused } from './gates.ts';
import { mayDo } from './iam.ts';
import { openIdentities } from './identities.ts';

import { jobRealiser, missingPermission } from './jobs.ts';
import { type LocalPubsub, localPubsub } from './pubsub.ts';
import { LocalScheduler } from './scheduler.ts';
import { SERVICE, Services } from './services.ts';
import { bodyOf, send, serveWeb, type WebServer } from './web.ts';

export interface RealisedCloud extends AsyncDisposable {
  /** Its stacks and what exists, as in the mode without servers. */
  readonly cloud: Cloud;
  readonly scheduler: LocalScheduler;
  readonly services: Services;
  readonly bigquery: BigqueryServer;
  readonly storage: StorageServer;
  readonly firestore: FirestoreServer;
  readonly secrets: SecretManagerServer;
  readonly jobs: CloudRunServer;
  readonly pubsub: LocalPubsub;
  readonly issuer: TokenIssuer;
  readonly store: Store;
  /** What a container of this account sees. */
  readonly environmentOf: (who: string) => Promise<Readonly<Record<string, string>>>;
  /** What IAM refused, in the order in which it was asked. */
  readonly refused: readonly Refused[];
}

export interface RealisedOptions {
  /** Of the engine, as for `openCloud`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What images are, beside those of the platform. */
  readonly programs?: Programs;
}

export async function openRealisedCloud(options: RealisedOptions = {}): Promise<RealisedCloud> {
  const { environment = {} } = options;
  const programs = { ...PROGRAMS, ...options.programs };
  await using opened = new AsyncDisposableStack();
  const use = async <T extends AsyncDisposable>(server: Promise<T>): Promise<T> => opened.use(await server);
  const realisers: Record<string, Realiser> = {};
  const realiser = opened.use(await serveRealiser(realisers));
  const cloud = opened.adopt(await openCloud({ ...environment, TRIBUTARY_REALISER: realiser.url }), (one) =>
    one.close(),
  );
  const store = new Store(cloud.environment.TRIBUTARY_CLOUD ?? '');
  const storage = await use(startStorage());
  const [bigquery, firestore, secrets, jobs, issuer] = await Promise.all([
    use(startBigquery({ storage: storage.host })),
    use(startFirestore()),
    use(startSecretManager()),
    use(startCloudRun()),
    use(startIssuer()),
  ]);
  const pubsub = localPubsub(store);
  const refused: Refused[] = [];
  const onRefused = (one: Refused) => void refused.push(one);

  secrets.allows = ({ method, name, caller }) => {
    const permission = SECRET_PERMISSIONS[method];
    const [resource = ''] = /^projects\/[^/]+\/secrets\/[^/]+/.exec(name) ?? [];
    const [, project = ''] = name.split('/');
    const who = caller ?? '';
    if (caller === null) return true;
    if (permission !== undefined && mayDo(store, { permission, who, on: 'secret', resource, project })) return true;
    onRefused({ who, permission: permission ?? method, resource });
    return false;
  };
  jobs.allows = (call) => {
    const missing = missingPermission(store, call);
    if (missing !== null) onRefused({ who: call.caller ?? '', permission: missing, resource: call.name });
    return missing === null;
  };

  const doors = { store, issuer, bigquery: bigquery.host, storage: storage.host, firestore: firestore.host };
  const identities = opened.use(
    openIdentities({ ...doors, secrets, pubsub, cloudRun: (who) => jobs.gate(who), onRefused }),
  );
  const settings = { HOST: '127.0.0.1', TRIBUTARY_OIDC_JWKS: issuer.jwksUrl };
  const services = opened.use(new Services({ store, issuer, identities, programs, settings }));
  Object.assign(realisers, dataRealisers({ ...doors, secrets, pubsub }), {
    [SERVICE]: services.realise,
    'gcp:cloudrunv2/job:Job': jobRealiser({ server: jobs, identities, services, programs }),
  });
  const scheduler = new LocalScheduler({ store, issuer, locate: (uri) => services.locate(uri) });
  const all = opened.move();
  return {
    ...{ cloud, scheduler, services, bigquery, storage, firestore, secrets, jobs, pubsub, refused, issuer, store },
    environmentOf: (who) => identities.environmentOf(who),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

const SECRET_PERMISSIONS: Readonly<Record<string, string>> = {
  AccessSecretVersion: 'secretmanager.versions.access',
  AddSecretVersion: 'secretmanager.versions.add',
};

/** Where the providers, which are processes of the engine, tell what changed. One at a time, in the order of arrival. */
async function serveRealiser(realisers: Readonly<Record<string, Realiser>>): Promise<WebServer> {
  let last: Promise<unknown> = Promise.resolve();
  return serveWeb(async (incoming, response) => {
    const change = JSON.parse((await bodyOf(incoming)).toString('utf8')) as Change;
    const turn = last.then(() => realise(realisers, change));
    last = turn;
    send(response, 200, await turn);
  });
}

/** What needs nothing real, a grant say, has no realiser: it is looked up where it matters. */
async function realise(realisers: Readonly<Record<string, Realiser>>, change: Change): Promise<Realised> {
  try {
    await realisers[change.resource.type]?.(change);
    return {};
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof CloudError)
      return { error: { status: error.status, message: message.replace(/^googleapi: Error \d+: /, '') } };
    return { error: { status: 500, message: `${change.resource.id} could not be made real: ${message}` } };
  }
}
