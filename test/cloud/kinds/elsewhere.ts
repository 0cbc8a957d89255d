/** The clouds beside Google's: the keyless way into a customer's AWS and Azure. */
import { CloudError } from '../errors.ts';
import { digest } from '../store.ts';
import { stringAt, stringsAt } from '../values.ts';
import type { Kinds, Reference, Rule } from './kind.ts';
import { exists } from './references.ts';
import { between, json, matches, refuse } from './rules.ts';

const AWS_ACCOUNT = '123456789012';
const AZURE_TENANT = '11111111-2222-4333-8444-555555555555';
const SUBSCRIPTION = '/subscriptions/00000000-0000-4000-8000-000000000000';
const IDENTITY = `${SUBSCRIPTION}/resourceGroups/{resourceGroupName}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}`;
const roleType = 'aws:iam/role:Role';
const identityType = 'azure-native:managedidentity:UserAssignedIdentity';
const credentialType = 'azure-native:managedidentity:FederatedIdentityCredential';
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A policy document of IAM. */
function policyDocument(path: string): Rule {
  return (inputs) => {
    const wrong = json(path)(inputs);
    if (wrong.length > 0) return wrong;
    return stringsAt(inputs, path).flatMap((at) => {
      const { Version, Statement } = JSON.parse(at.value) as { Version?: unknown; Statement?: unknown };
      if (Version === '2012-10-17' && Array.isArray(Statement) && Statement.length > 0) return [];
      return { path: at.path, reason: 'MalformedPolicyDocument: Version 2012-10-17 and a Statement are needed' };
    });
  };
}

const atMostTwenty: Reference = (inputs, { store }) => {
  const [group, identity] = ['resourceGroupName', 'resourceName'].map((path) => stringAt(inputs, path));
  const siblings = store
    .list(credentialType)
    .filter((one) => one.inputs.resourceGroupName === group && one.inputs.resourceName === identity);
  if (siblings.length >= 20)
    throw new CloudError(400, `${identity} has 20 federated identity credentials, which is the limit`);
};

/** Azure looks the principal up unless it is told what it is. */
const principalExists: Reference = (inputs, { store }) => {
  if (inputs.principalType != null) return;
  const known = store.list(identityType).some(({ outputs }) => outputs.principalId === inputs.principalId);
  if (!known) throw new CloudError(400, `PrincipalNotFound: ${inputs.principalId} does not exist in the directory`);
};

export const elsewhereKinds: Kinds = {
  [roleType]: {
    id: '{name}',
    defaults: { path: '/', maxSessionDuration: 3600, forceDetachPolicies: false },
    rules: [
      matches('name', /^[\w+=,.@-]{1,64}$/, 'be 1 to 64 letters, digits or +=,.@_-'),
      policyDocument('assumeRolePolicy'),
      between('maxSessionDuration', 3600, 43_200),
      matches('permissionsBoundary', /^arn:aws[a-z-]*:iam::(?:\d{12}|aws):policy\/.+/, 'be the ARN of a policy'),
    ],
    contents: { types: ['aws:iam/rolePolicy:RolePolicy'], unless: 'forceDetachPolicies' },
    outputs: ({ id, inputs, generation }) => ({
      arn: `arn:aws:iam::${AWS_ACCOUNT}:role${stringAt(inputs, 'path') ?? '/'}${id}`,
      uniqueId: `AROA${digest(`${id} ${generation}`, 16).toUpperCase()}`,
    }),
  },
  'aws:iam/rolePolicy:RolePolicy': {
    id: '{role}:{name}',
    rules: [matches('name', /^[\w+=,.@-]{1,128}$/, 'be 1 to 128 letters, digits or +=,.@_-'), policyDocument('policy')],
    references: [exists(roleType, '{role}')],
  },
  [identityType]: {
    id: IDENTITY,
    rules: [matches('resourceName', /^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$/, 'be 3 to 128 letters, digits, _ or -')],
    outputs: ({ id, generation }) => ({
      name: id.split('/').at(-1) ?? '',
      type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
      clientId: guid(`client ${id} ${generation}`),
      principalId: guid(`principal ${id} ${generation}`),
      tenantId: AZURE_TENANT,
    }),
  },
  [credentialType]: {
    id: `${IDENTITY}/federatedIdentityCredentials/{federatedIdentityCredentialResourceName}`,
    rules: [
      matches(
        'federatedIdentityCredentialResourceName',
        /^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$/,
        'be 3 to 120 letters, digits, _ or -',
      ),
      matches('issuer', /^https:\/\/\S+$/, 'be an https address'),
      matches('subject', /^\S{1,600}$/, 'be 1 to 600 characters'),
      refuse('audiences', (inputs) => stringsAt(inputs, 'audiences.*').length > 1, 'takes one audience only'),
    ],
    references: [exists(identityType, IDENTITY), atMostTwenty],
    outputs: ({ id }) => ({ name: id.split('/').at(-1) ?? '' }),
  },
  'azure-native:authorization:RoleAssignment': {
    id: '{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}',
    rules: [
      matches('roleAssignmentName', GUID, 'be a GUID'),
      matches('principalId', GUID, 'be a GUID'),
      matches(
        'roleDefinitionId',
        /\/providers\/Microsoft\.Authorization\/roleDefinitions\/[0-9a-f-]{36}$/i,
        'end in /providers/Microsoft.Authorization/roleDefinitions/<guid>',
      ),
      matches('scope', /^\/(?:subscriptions|providers)\//, 'be the id of a resource, a group or a subscription'),
    ],
    references: [principalExists],
    outputs: ({ id }) => ({ name: id.split('/').at(-1) ?? '', type: 'Microsoft.Authorization/roleAssignments' }),
  },
};

function guid(seed: string): string {
  const hex = digest(seed, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
