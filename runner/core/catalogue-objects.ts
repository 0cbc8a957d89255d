/** The part of the catalogue that is about buckets and containers that are read, in the order in which a run meets them. */
import type { Entry } from './catalogue.ts';

export const objectEntries = {
  OBJECTS_LOGIN: {
    title: 'The store refused the login.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.who} was refused for ${f.bucket} (${f.reason}).`,
    fix: (f) =>
      `${f.advice ?? `Check the connection and its secret: tributary secret set ${f.tenant ?? '<tenant>'} <name>`}`,
  },
  OBJECTS_CLOCK: {
    title: 'The clocks of this machine and of the store differ too much.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `The store took the signed request for ${f.bucket} as one of another time (${f.reason}).`,
    fix: () => 'Set the clock of this machine by NTP, then run again.',
  },
  OBJECTS_BUCKET_MISSING: {
    title: 'The bucket or container does not exist.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.bucket} was not found.`,
    fix: (f) => `Check \`${f.field ?? 'bucket'}\` of the connection.`,
  },
  OBJECTS_REGION: {
    title: 'The bucket lies in another region.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.bucket} is not in ${f.region}${f.actual ? ` but in ${f.actual}` : ''}.`,
    fix: (f) =>
      f.actual
        ? `Set \`region: ${f.actual}\` of the connection.`
        : 'Set `region` of the connection to that of the bucket (aws s3api get-bucket-location).',
  },
  OBJECTS_DENIED: {
    title: 'The store denies access.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.who} may not ${f.action} ${f.object} (${f.reason}).`,
    fix: (f) =>
      `${f.grant ?? 'Grant it to list the bucket and to read its objects: roles/storage.objectViewer (Cloud Storage), s3:ListBucket and s3:GetObject (S3), Storage Blob Data Reader (Azure).'}`,
  },
  OBJECTS_ARCHIVED: {
    title: 'An object is archived.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.object} lies in a storage class that has to be restored before it can be read.`,
    fix: () => 'Restore the object, or keep it out by `prefix` and `match`; then run again.',
  },
  FILE_CHANGED: {
    title: 'A file changed while it was read.',
    origin: 'source',
    retryable: true,
    detail: (f) => `${f.object} is no longer the version ${f.version}.`,
    fix: () =>
      'Nothing was committed; the next run reads it as it is then. Where files are written for minutes, raise files.settleFor.',
  },
  OBJECTS_FAILED: {
    title: 'The store could not be read.',
    origin: 'source',
    retryable: true,
    detail: (f) => `${f.what} failed ${f.attempts} time(s) in ${f.seconds} s: ${f.reason}.`,
    fix: () => 'Nothing was committed. Run again when the store answers.',
  },
} satisfies Record<string, Entry>;
