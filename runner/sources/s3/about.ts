/** What people are told of this connector; docs/connectors/s3.md is made of it. */
import type { ConnectorAbout } from '../../core/contracts/about.ts';
import { filesCapabilities } from '../../core/objects/capabilities.ts';

export const about: ConnectorAbout = {
  kind: 's3',
  capabilities: filesCapabilities,
  objects: '`files: {prefix, match, format}`; for `discover` a prefix with a pattern: `daily/*.csv.gz`.',
  snapshot:
    'The objects are listed once, each with its ETag, and every request names the ETag (`If-Match`). One that is replaced meanwhile fails the run (`FILE_CHANGED`).',
  bound:
    'Each ETag of an object is loaded once; an object that is written again with other bytes is loaded again. An upload in parts carries the time at which it began, so an object may appear in the past: the listing overlaps.',
  reading:
    'ListObjectsV2 and GetObject in ranges; what breaks goes on at the missing byte. Without a key: the runner has a token of Google for the audience `tributary-<tenant>`, exchanges it for an hour of the role (AssumeRoleWithWebIdentity), and again before that ends. `AWS_ENDPOINT_URL_STS` names another address of STS.',
  grants: [
    {
      purpose:
        'To be assumed by the runner without a key (the trust policy of the role; the stack makes it in its own account of Amazon)',
      language: 'json',
      commands: `{"Version": "2012-10-17", "Statement": [{
  "Effect": "Allow",
  "Principal": {"Federated": "accounts.google.com"},
  "Action": "sts:AssumeRoleWithWebIdentity",
  "Condition": {"StringEquals": {
    "accounts.google.com:aud": "<numeric id of the runner's service account>",
    "accounts.google.com:sub": "<numeric id of the runner's service account>",
    "accounts.google.com:oaud": "tributary-acme"}}}]}`,
    },
    {
      purpose: 'To list and read the objects (the policy of the role, or of the user whose key it is)',
      language: 'json',
      commands: `{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::partner-drop"]},
  {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::partner-drop/*"]}]}`,
    },
  ],
  limits: [
    'Objects in Glacier have to be restored first (`OBJECTS_ARCHIVED`).',
    'Directory buckets (S3 Express) are not read: they list in no order.',
    "On a laptop a role needs a service account that is impersonated; a person's own login has no token that Amazon takes.",
  ],
  example: `connections:
  partner: {kind: s3, bucket: partner-drop, region: eu-west-1, role: "arn:aws:iam::123456789012:role/tributary-acme"}
sources:
  drops:
    connection: partner
    files: {prefix: daily/, match: "**/*.parquet", format: parquet}
    load: {strategy: transactional, mode: append}
    schedule: {cron: "0 6 * * *", timeZone: Europe/Warsaw}
`,
};
