/** The part of the catalogue that is about the objects between extraction and load, in the order in which a run meets them. */
import type { Entry } from './catalogue.ts';

export const stagingEntries = {
  STAGING_DENIED: {
    title: 'The staging bucket denies access.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `gs://${f.bucket} may not be used by this account. Cloud Storage says: ${f.reason}.`,
    fix: (f) =>
      `Grant roles/storage.objectUser on the bucket to the account that runs this; tributary up ${f.tenant} grants all it needs.`,
  },
  STAGING_MISSING: {
    title: 'There is no staging bucket.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `gs://${f.bucket} does not exist.`,
    fix: (f) => `Make what the tenant needs: tributary up ${f.tenant}`,
  },
  STAGING_DISK_FULL: {
    title: 'There is no room for the files of a run.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `Writing below ${f.folder} failed: ${f.reason}.`,
    fix: () =>
      'Nothing was committed. Make room, or point TMPDIR at a larger disk; on Cloud Run the disk is memory: give the job more.',
  },
  STAGING_CORRUPT: {
    title: 'A staged object is not what was sent.',
    origin: 'warehouse',
    retryable: true,
    detail: (f) => `${f.uri}: ${f.reason}.`,
    fix: () =>
      'Nothing was loaded. Run again; if it stays, something between here and Cloud Storage alters what passes.',
  },
  STAGING_FAILED: {
    title: 'The rows could not be staged.',
    origin: 'warehouse',
    retryable: true,
    detail: (f) => `${f.what} failed ${f.attempts} time(s) in ${f.seconds} s: ${f.reason}.`,
    fix: () => 'Nothing was committed. Run again when Cloud Storage can be reached.',
  },
} satisfies Record<string, Entry>;
