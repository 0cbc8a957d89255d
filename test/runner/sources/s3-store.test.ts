import { objectStoreSuite } from '../../contracts/object-store.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { startS3Store } from './s3-store.ts';

describeWith(['emulators'], 'S3', () => objectStoreSuite('s3', startS3Store));
