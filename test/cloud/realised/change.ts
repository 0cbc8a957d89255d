/** A change of the simulated cloud on its way to the process that makes it real. */
import { badRequest, CloudError } from '../errors.ts';
import type { Realise } from '../provider.ts';
import type { CloudResource } from '../store.ts';

export interface Change {
  readonly operation: 'create' | 'update' | 'delete';
  readonly resource: CloudResource;
}

/** What a process that realises answers: nothing, or why not. */
export interface Realised {
  readonly error?: { readonly status: number; readonly message: string };
}

/** For a provider, which is a process of the engine's. @param url of `serveRealiser` */
export function realiseThere(url: string): Realise {
  return async (operation, resource) => {
    const body = JSON.stringify({ operation, resource } satisfies Change);
    const answer = await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    if (!answer.ok) throw badRequest(`${resource.id}: ${url} answered ${answer.status}`);
    const { error } = (await answer.json()) as Realised;
    if (error !== undefined) throw new CloudError(error.status, error.message);
  };
}
