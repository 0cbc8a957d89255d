/** Cloud Run jobs become jobs of a server of Cloud Run's API, whose executions are processes of this checkout. */

import type { CloudRunCall, CloudRunServer } from '../../servers/cloud-run.ts';
import type { Store } from '../store.ts';
import { type Properties, valuesAt } from '../values.ts';
import { BASE, commandOf, containerOf, type Programs } from './containers.ts';
import type { Realiser } from './data.ts';
import { mayDo } from './iam.ts';
import type { Identities } from './identities.ts';
import type { Services } from './services.ts';

export interface JobsOptions {
  readonly server: CloudRunServer;
  readonly identities: Identities;
  readonly services: Services;
  readonly programs: Programs;
}

export function jobRealiser({ server, identities, services, programs }: JobsOptions): Realiser {
  return async ({ operation, resource }) => {
    if (operation === 'delete') return server.remove(resource.id);
    const { image, account, environment } = containerOf(resource, AT);
    const { maxRetries = 3, timeout } = (valuesAt(resource.inputs, AT)[0]?.value ?? {}) as Properties;
    const own = await identities.environmentOf(account);
    server.put(resource.id, {
      command: commandOf(image, programs),
      maxRetries: Number(maxRetries),
      timeoutMs: Number.parseFloat(`${timeout ?? '600s'}`) * 1000,
      environment: { ...BASE, ...located(environment, services), ...own },
    });
  };
}

const AT = 'template.template';

/** Names of services lead to this machine: what a resolver would do for a container. */
function located(environment: Readonly<Record<string, string>>, services: Services): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, services.locate(value)]));
}

/** Google's permission for each method of its API. */
const PERMISSIONS: Readonly<Record<string, string>> = {
  CancelExecution: 'run.executions.cancel',
  GetExecution: 'run.executions.get',
  GetJob: 'run.jobs.get',
  GetOperation: 'run.operations.get',
  ListExecutions: 'run.executions.list',
  ListTasks: 'run.tasks.list',
  RunJob: 'run.jobs.run',
};

/** What the call needs, where the caller lacks it; `null`: it may. */
export function missingPermission(store: Store, { method, name, caller, overrides }: CloudRunCall): string | null {
  const [job = ''] = /^projects\/[^/]+\/locations\/[^/]+\/jobs\/[^/]+/.exec(name) ?? [];
  const [, project = ''] = name.split('/');
  const permission = PERMISSIONS[method] ?? `run.${method}`;
  const needed = overrides ? [permission, 'run.jobs.runWithOverrides'] : [permission];
  const who = caller ?? '';
  const on = job === '' ? ({ on: 'project', resource: project } as const) : ({ on: 'job', resource: job } as const);
  return needed.find((one) => !mayDo(store, { permission: one, who, project, ...on })) ?? null;
}
