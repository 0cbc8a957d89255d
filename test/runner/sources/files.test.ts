import { sourceSuite } from '../../contracts/source.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { startAzureBlobStore } from './azure-blob-store.ts';
import { FILES_SKIPS, startFilesSource } from './files-fixture.ts';
import { startGcsStore } from './gcs-store.ts';
import { startS3Store } from './s3-store.ts';

describeWith(['emulators'], 'files', () => {
  sourceSuite('Cloud Storage', () => startFilesSource(startGcsStore), FILES_SKIPS);
  sourceSuite('Amazon S3', () => startFilesSource(startS3Store), FILES_SKIPS);
  sourceSuite('Azure Blob Storage', () => startFilesSource(startAzureBlobStore), FILES_SKIPS);
});
