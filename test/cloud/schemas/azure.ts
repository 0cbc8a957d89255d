/** The azure-native types in use, as the declarations of @pulumi/azure-native 3.28 and its documentation state them. */
import type { ProviderSchema } from '../schema.ts';

const text = { type: 'string' } as const;
const identity = { type: 'string', replace: true } as const;

export const azureSchema: ProviderSchema = {
  provider: 'azure-native',
  version: '3.28.0',
  types: {},
  resources: {
    'azure-native:managedidentity:UserAssignedIdentity': {
      inputs: {
        location: identity,
        resourceGroupName: identity,
        resourceName: identity,
        tags: { type: 'object', values: text },
      },
      required: ['resourceGroupName'],
      outputs: { azureApiVersion: text, clientId: text, name: text, principalId: text, tenantId: text, type: text },
    },
    'azure-native:managedidentity:FederatedIdentityCredential': {
      inputs: {
        audiences: { type: 'array', items: text },
        federatedIdentityCredentialResourceName: identity,
        issuer: text,
        resourceGroupName: identity,
        resourceName: identity,
        subject: text,
      },
      required: ['audiences', 'issuer', 'resourceGroupName', 'resourceName', 'subject'],
      outputs: { azureApiVersion: text, name: text, type: text },
    },
    'azure-native:authorization:RoleAssignment': {
      inputs: {
        condition: text,
        conditionVersion: text,
        delegatedManagedIdentityResourceId: identity,
        description: text,
        principalId: identity,
        principalType: {
          type: 'string',
          enum: ['User', 'Group', 'ServicePrincipal', 'ForeignGroup', 'Device'],
          replace: true,
        },
        roleAssignmentName: identity,
        roleDefinitionId: identity,
        scope: identity,
      },
      required: ['principalId', 'roleDefinitionId', 'scope'],
      outputs: { azureApiVersion: text, createdOn: text, name: text, type: text, updatedOn: text },
    },
  },
};
