/** Predefined roles of the services in use, to catch one that does not exist; other services' roles pass. */

export const knownRoles: Readonly<Record<string, readonly string[]>> = {
  artifactregistry: ['admin', 'reader', 'repoAdmin', 'writer'],
  bigquery: [
    ...['admin', 'connectionAdmin', 'connectionUser', 'dataEditor', 'dataOwner', 'dataViewer', 'filteredDataViewer'],
    ...['jobUser', 'metadataViewer', 'readSessionUser', 'resourceAdmin', 'resourceEditor', 'resourceViewer', 'user'],
  ],
  cloudkms: ['admin', 'cryptoKeyDecrypter', 'cryptoKeyEncrypter', 'cryptoKeyEncrypterDecrypter', 'viewer'],
  cloudscheduler: ['admin', 'jobRunner', 'serviceAgent', 'viewer'],
  dataflow: ['admin', 'developer', 'serviceAgent', 'viewer', 'worker'],
  datastream: ['admin', 'serviceAgent', 'viewer'],
  datastore: ['importExportAdmin', 'indexAdmin', 'owner', 'user', 'viewer'],
  iam: [
    ...['serviceAccountAdmin', 'serviceAccountCreator', 'serviceAccountKeyAdmin', 'serviceAccountOpenIdTokenCreator'],
    ...['serviceAccountTokenCreator', 'serviceAccountUser', 'serviceAccountViewer', 'workloadIdentityUser'],
  ],
  iap: ['admin', 'httpsResourceAccessor'],
  logging: ['admin', 'bucketWriter', 'configWriter', 'logWriter', 'privateLogViewer', 'viewer'],
  monitoring: ['admin', 'editor', 'metricWriter', 'viewer'],
  pubsub: ['admin', 'editor', 'publisher', 'subscriber', 'viewer'],
  run: ['admin', 'builder', 'developer', 'invoker', 'jobsExecutor', 'jobsExecutorWithOverrides', 'viewer'],
  secretmanager: ['admin', 'secretAccessor', 'secretVersionAdder', 'secretVersionManager', 'viewer'],
  storage: [
    ...['admin', 'bucketViewer', 'folderAdmin', 'legacyBucketOwner', 'legacyBucketReader', 'legacyBucketWriter'],
    ...['legacyObjectOwner', 'legacyObjectReader', 'objectAdmin', 'objectCreator', 'objectUser', 'objectViewer'],
  ],
};

/** `roles/bigquery.dataEditor` → `bigquery`; undefined for custom and primitive ones. */
export function serviceOf(role: string): string | undefined {
  return /^roles\/([a-z0-9]+)\./i.exec(role)?.[1];
}

export function roleExists(role: string): boolean {
  const service = serviceOf(role);
  const known = service === undefined ? undefined : knownRoles[service];
  return known === undefined || known.includes(role.slice(`roles/${service}.`.length));
}
