/** Identities of Azure that a runner takes on without a key. */
import { list, type Resource, resourceRule } from '../rule.ts';

interface AzureInputs {
  readonly issuer?: string;
  readonly audiences?: readonly string[];
  readonly subject?: string;
  readonly roleDefinitionId?: string;
  readonly scope?: string;
}

const ROLE_ASSIGNMENT = 'azure-native:authorization:RoleAssignment';
const ISSUER = 'https://accounts.google.com';
const AUDIENCE = 'api://AzureADTokenExchange';
/** https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage */
const BLOB_DATA_READER = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1';

export const azureRules = [
  resourceRule({
    id: 'azure-fic-pinned',
    level: 'mandatory',
    description: 'An identity trusts exactly one Google account, and may only read one storage account.',
    why: 'A subject that is a name may be taken by somebody else; a role on the subscription reaches everything in it.',
    fix: `issuer ${ISSUER}, audience ${AUDIENCE}, subject = the number of the service account; Storage Blob Data Reader on the container.`,
    types: [
      'azure-native:managedidentity:FederatedIdentityCredential',
      'azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential',
      ROLE_ASSIGNMENT,
    ],
    settings: { roles: list([BLOB_DATA_READER], 'Ids of role definitions that may be given.') },
    *check({ type, props }: Resource<AzureInputs>, { settings }) {
      if (type === ROLE_ASSIGNMENT) {
        const role = props.roleDefinitionId?.split('/').at(-1) ?? '';
        if (!settings.roles.includes(role)) yield `gives the role ${role || 'without a name'}.`;
        if (!props.scope?.includes('/providers/')) yield 'reaches a whole subscription or resource group.';
        return;
      }
      if (props.issuer !== ISSUER) yield `trusts the issuer ${props.issuer}.`;
      const audiences = props.audiences ?? [];
      if (audiences.length !== 1 || audiences[0] !== AUDIENCE) yield `trusts the audiences ${audiences.join(', ')}.`;
      if (!/^\d{15,}$/.test(props.subject ?? '')) yield 'trusts a subject that is no number of a service account.';
    },
  }),
];
