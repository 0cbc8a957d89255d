import { afterAll, beforeAll } from 'vitest';
import { runStoreSuite } from '../../contracts/run-store.ts';
import { type FirestoreServer, startFirestore } from '../../servers/firestore.ts';
import { openPlace } from './firestore-place.ts';

let server: FirestoreServer;

beforeAll(async () => {
  server = await startFirestore();
  process.env.FIRESTORE_EMULATOR_HOST = server.host;
});
afterAll(() => server?.stop());

const module = new URL('firestore-place.ts', import.meta.url).href;

runStoreSuite(
  'firestore',
  openPlace,
  { module, function: 'openPlace', writers: 'connections' },
  { processes: 'a killed process keeps its lease until it expires; the database does not see processes' },
);
