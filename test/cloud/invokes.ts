/** The functions of the gcp provider that a program may call. */
import { badRequest, notFound } from './errors.ts';
import { projectNumber } from './kinds/data.ts';
import type { World } from './kinds/kind.ts';
import { type Properties, stringAt } from './values.ts';

type Function_ = (inputs: Properties, world: World) => Properties;

const functions: Readonly<Record<string, Function_>> = {
  'gcp:organizations/getProject:getProject': (inputs, world) => {
    const projectId = projectOf(inputs, world, 'projectId');
    return { id: `projects/${projectId}`, projectId, name: projectId, number: projectNumber(projectId), labels: {} };
  },
  'gcp:organizations/getClientConfig:getClientConfig': (_, { config }) => ({
    id: 'client-config',
    project: config.project ?? '',
    region: config.region ?? '',
    zone: config.zone ?? '',
  }),
  'gcp:storage/getProjectServiceAccount:getProjectServiceAccount': (inputs, world) => {
    const project = projectOf(inputs, world, 'project');
    const emailAddress = `service-${projectNumber(project)}@gs-project-accounts.iam.gserviceaccount.com`;
    return { id: emailAddress, project, emailAddress, member: `serviceAccount:${emailAddress}` };
  },
  'gcp:serviceaccount/getAccount:getAccount': (inputs, world) => {
    const accountId = stringAt(inputs, 'accountId') ?? '';
    const project = projectOf(inputs, world, 'project');
    const id = `projects/${project}/serviceAccounts/${accountId}@${project}.iam.gserviceaccount.com`;
    const account = world.store.read('gcp:serviceaccount/account:Account', id);
    if (account === null) throw notFound(id);
    return { ...account.outputs, id };
  },
};

export function invoke(token: string, inputs: Properties, world: World): Properties {
  const called = Object.hasOwn(functions, token) ? functions[token] : undefined;
  if (called === undefined) throw badRequest(`${token} is no function that this simulated cloud knows`);
  return called(inputs, world);
}

function projectOf(inputs: Properties, { config }: World, key: string): string {
  const project = stringAt(inputs, key) ?? stringAt(config, 'project');
  if (project === undefined) throw badRequest(`${key}: required field is not set`);
  return project;
}
