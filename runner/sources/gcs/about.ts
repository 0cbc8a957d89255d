/** What people are told of this connector; docs/connectors/gcs.md is made of it. */
import type { ConnectorAbout } from '../../core/contracts/about.ts';
import { filesCapabilities } from '../../core/objects/capabilities.ts';

export const about: ConnectorAbout = {
  kind: 'gcs',
  capabilities: filesCapabilities,
  objects: '`files: {prefix, match, format}`; for `discover` a prefix with a pattern: `daily/*.csv.gz`.',
  snapshot:
    'The objects are listed once, each with its generation, and those generations are read. One that is replaced meanwhile fails the run (`FILE_CHANGED`), where the bucket does not keep versions.',
  bound: 'Each generation of an object is loaded once; an object that is written again is loaded again.',
  reading:
    'The JSON API of Cloud Storage, in ranges over kept connections; what breaks goes on at the missing byte. Objects stored with `Content-Encoding: gzip` are read as they are stored.',
  grants: [
    {
      purpose: 'To list and read the objects',
      language: 'sh',
      commands:
        'gcloud storage buckets add-iam-policy-binding gs://acme-landing \\\n  --member=serviceAccount:trb-acme-runner@acme-data-prod.iam.gserviceaccount.com --role=roles/storage.objectViewer',
    },
  ],
  limits: [
    'Buckets that bill who reads them (requester pays) are refused.',
    'Objects encrypted with a key of the customer (CSEK) cannot be read; those with a key of Cloud KMS can.',
  ],
  example: `connections:
  landing: {kind: gcs, bucket: acme-landing, project: acme-data-prod}
sources:
  daily:
    connection: landing
    files: {prefix: daily/, match: "*.csv.gz", format: csv}
    load: {strategy: transactional, mode: append}
    schedule: {cron: "0 6 * * *", timeZone: Europe/Warsaw}
`,
};
