import { objectStoreSuite } from '../../contracts/object-store.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { startGcsStore } from './gcs-store.ts';

describeWith(['emulators'], 'Cloud Storage', () => objectStoreSuite('gcs', startGcsStore));
