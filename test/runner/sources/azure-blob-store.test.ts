import { objectStoreSuite } from '../../contracts/object-store.ts';
import { startAzureBlobStore } from './azure-blob-store.ts';

objectStoreSuite('azure-blob', startAzureBlobStore);
