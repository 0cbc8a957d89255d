/** Cloud Run services become processes behind a front door of their own, where their address leads. */

import type { TokenIssuer } from '../../servers/issuer.ts';
import type { CloudResource, Store } from '../store.ts';
import { stringAt } from '../values.ts';
import { commandOf, containerOf, type Programs, type ServiceContainer, startService } from './containers.ts';
import type { Realiser } from './data.ts';
import { type FrontDoor, openFront } from './front.ts';
import type { Identities } from './identities.ts';

export const SERVICE = 'gcp:cloudrunv2/service:Service';

export interface ServicesOptions {
  readonly store: Store;
  readonly issuer: TokenIssuer;
  readonly identities: Identities;
  readonly programs: Programs;
  /** What only this machine tells a container: where keys and APIs are. */
  readonly settings: Readonly<Record<string, string>>;
}

interface Running {
  readonly uri: string;
  readonly front: FrontDoor;
  container: ServiceContainer;
}

export class Services implements AsyncDisposable {
  readonly #options: ServicesOptions;
  readonly #running = new Map<string, Running>();

  constructor(options: ServicesOptions) {
    this.#options = options;
  }

  readonly realise: Realiser = async ({ operation, resource }) => {
    const before = this.#running.get(resource.id);
    if (operation === 'delete') {
      this.#running.delete(resource.id);
      await before?.front[Symbol.asyncDispose]();
      await before?.container.retire();
      return;
    }
    const container = await this.#start(resource);
    if (before !== undefined) {
      const old = before.container;
      before.container = container;
      return old.retire();
    }
    const { store, issuer } = this.#options;
    const uri = stringAt(resource.outputs, 'uri') ?? '';
    // The door asks for the container with each request: a new revision takes over behind it.
    const now: { running?: Running } = {};
    const front = await openFront({
      ...{ store, service: resource, jwksUrl: issuer.jwksUrl },
      container: () => now.running?.container.url ?? container.url,
    });
    now.running = { uri, front, container };
    this.#running.set(resource.id, now.running);
  };

  /** An address of a service as it is on this machine; others stay as they are. */
  locate(text: string): string {
    return [...this.#running.values()].reduce((all, { uri, front }) => all.replaceAll(uri, front.url), text);
  }

  /** The door of the service with this name. */
  front(name: string): FrontDoor {
    return this.#find(name).front;
  }

  /** Ends its process at once, as a machine does that breaks; `restart` brings another one. */
  kill(name: string): void {
    process.kill(this.#find(name).container.pid, 'SIGKILL');
  }

  async restart(name: string): Promise<void> {
    const running = this.#find(name);
    const resource = this.#options.store.list(SERVICE).find(({ id }) => id.endsWith(`/${name}`));
    if (resource === undefined) throw new Error(`There is no service ${name}`);
    const old = running.container;
    running.container = await this.#start(resource);
    await old.stop();
  }

  /** What a service wrote so far. */
  log(name: string): Promise<string> {
    return this.#find(name).container.log();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#running.values()];
    this.#running.clear();
    await Promise.all(all.flatMap(({ front, container }) => [front[Symbol.asyncDispose](), container.stop()]));
  }

  async #start(resource: CloudResource): Promise<ServiceContainer> {
    const { image, account, environment, probe } = containerOf(resource, 'template');
    const { identities, programs, settings } = this.#options;
    const own = await identities.environmentOf(account);
    return startService({
      name: resource.id.split('/').at(-1) ?? '',
      command: commandOf(image, programs),
      environment: { ...environment, ...own, ...settings },
      probe,
    });
  }

  #find(name: string): Running {
    const found = [...this.#running].find(([id]) => id.endsWith(`/${name}`));
    if (found === undefined) throw new Error(`There is no service ${name}`);
    return found[1];
  }
}
