import { RoleAssignment } from '@pulumi/azure-native/authorization/roleAssignment.js';
import { FederatedIdentityCredential } from '@pulumi/azure-native/managedidentity/federatedIdentityCredential.js';
import { UserAssignedIdentity } from '@pulumi/azure-native/managedidentity/userAssignedIdentity.js';
import { ComponentResource, type ComponentResourceOptions, type Input, type Output } from '@pulumi/pulumi';
import { azureIdentity, stableGuid } from '../tenants/naming.ts';
import { AZURE_AUDIENCE, BLOB_READER, containerScope, GOOGLE_ISSUER } from './access/azure-blob.ts';
import type { AzureReference } from './platform-reference.ts';
import { computeOptions } from './protection.ts';

/** Arguments of {@link AzureIdentity}. */
export interface AzureIdentityArgs {
  /** Id of the tenant. @example "acme" */
  tenant: string;
  /** Name of the connection. @example "erp" */
  connection: string;
  /** Storage account that holds the container. @example "acmeerp" */
  account: string;
  /** Container that may be read. @example "exports" */
  container: string;
  /** Numeric ids of the Google service accounts that are trusted, by a name for each. @example { "runner": "1234567890" } */
  subjects: Record<string, Input<string>>;
  /** Where identity and storage account lie. */
  azure: AzureReference;
  /** Tags of the identity. @example { "tenant": "acme" } */
  tags?: Record<string, string>;
}

/**
 * The managed identity a runner reads a container of Azure as, without a key. It trusts the runner's numeric id, and
 * may read that one container. Its client id goes into the tenant's file.
 *
 * @example
 * new AzureIdentity('acme-erp', { tenant: 'acme', connection: 'erp', account: 'acmeerp', container: 'exports',
 *   subjects: { runner: acme.runnerUniqueId }, azure });
 */
export class AzureIdentity extends ComponentResource {
  /** Client id of the identity, for `clientId` of the connection. */
  readonly clientId: Output<string>;

  constructor(name: string, args: AzureIdentityArgs, opts?: ComponentResourceOptions) {
    super('tributary:index:AzureIdentity', name, {}, opts);
    const identity = createIdentity(this, name, args);
    createCredentials(this, name, args, identity);
    createAssignment(this, name, args, identity);
    this.clientId = identity.clientId;
    this.registerOutputs({ clientId: this.clientId });
  }
}

function createIdentity(parent: AzureIdentity, name: string, args: AzureIdentityArgs): UserAssignedIdentity {
  return new UserAssignedIdentity(
    `${name}-identity`,
    {
      resourceGroupName: args.azure.resourceGroup,
      resourceName: azureIdentity(args.tenant, args.connection),
      location: args.azure.location,
      tags: args.tags ?? {},
    },
    computeOptions({ parent }, false),
  );
}

/** One after the other: Azure refuses two writes to one identity at the same time. */
function createCredentials(
  parent: AzureIdentity,
  name: string,
  args: AzureIdentityArgs,
  identity: UserAssignedIdentity,
): void {
  let before: UserAssignedIdentity | FederatedIdentityCredential = identity;
  for (const [reader, subject] of Object.entries(args.subjects)) {
    before = new FederatedIdentityCredential(
      `${name}-trust-${reader}`,
      {
        resourceGroupName: args.azure.resourceGroup,
        resourceName: azureIdentity(args.tenant, args.connection),
        federatedIdentityCredentialResourceName: `tributary-${reader}`,
        issuer: GOOGLE_ISSUER,
        subject,
        audiences: [AZURE_AUDIENCE],
      },
      computeOptions({ parent, dependsOn: [before] }, false),
    );
  }
}

function createAssignment(
  parent: AzureIdentity,
  name: string,
  args: AzureIdentityArgs,
  identity: UserAssignedIdentity,
): void {
  const scope = containerScope(args.azure, args.account, args.container);
  new RoleAssignment(
    `${name}-read`,
    {
      roleAssignmentName: stableGuid(`${azureIdentity(args.tenant, args.connection)} ${scope}`),
      principalId: identity.principalId,
      principalType: 'ServicePrincipal',
      roleDefinitionId: `/subscriptions/${args.azure.subscription}/providers/Microsoft.Authorization/roleDefinitions/${BLOB_READER}`,
      scope,
    },
    computeOptions({ parent }, false),
  );
}
