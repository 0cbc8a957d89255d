/** The aws types in use, as the declarations of @pulumi/aws 7.48 and its documentation state them. */
import type { ProviderSchema } from '../schema.ts';

const text = { type: 'string' } as const;
const identity = { type: 'string', replace: true } as const;
const tags = { type: 'object', values: text } as const;

export const awsSchema: ProviderSchema = {
  provider: 'aws',
  version: '7.48.0',
  types: {
    'aws:iam/RoleInlinePolicy:RoleInlinePolicy': { properties: { name: text, policy: text }, required: [] },
  },
  resources: {
    'aws:iam/role:Role': {
      inputs: {
        assumeRolePolicy: text,
        description: text,
        forceDetachPolicies: { type: 'boolean' },
        inlinePolicies: { type: 'array', items: { ref: 'aws:iam/RoleInlinePolicy:RoleInlinePolicy' } },
        managedPolicyArns: { type: 'array', items: text },
        maxSessionDuration: { type: 'integer' },
        name: identity,
        namePrefix: identity,
        path: identity,
        permissionsBoundary: text,
        tags,
      },
      required: ['assumeRolePolicy'],
      outputs: { arn: text, createDate: text, tagsAll: tags, uniqueId: text },
    },
    'aws:iam/rolePolicy:RolePolicy': {
      inputs: { name: identity, namePrefix: identity, policy: text, role: identity },
      required: ['policy', 'role'],
      outputs: {},
    },
  },
};
