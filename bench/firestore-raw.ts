/**
 * The measured program beside us in the bench `firestore`: the client of the API that the SDK is made of, with the same
 * query, each document decoded to objects and counted. Its arguments: host, project, collection.
 */
import firestore from '@google-cloud/firestore';
import { credentials } from '@grpc/grpc-js';

const [host = '', project = '', collectionId = ''] = process.argv.slice(2);
const { hostname: servicePath, port } = new URL(`http://${host}`);
const client = new firestore.v1.FirestoreClient({
  ...{ projectId: project, servicePath, port: Number(port) },
  sslCreds: credentials.createInsecure(),
  clientOptions: { universeDomain: 'googleapis.com' },
});
const request = {
  parent: `projects/${project}/databases/(default)/documents`,
  structuredQuery: { from: [{ collectionId }], orderBy: [{ field: { fieldPath: '__name__' } }] },
};
const headers = { authorization: 'Bearer owner' };
let documents = 0;
const stream = client.runQuery(request, { timeout: 600_000, otherArgs: { headers } });
stream.on('data', ({ document }: { document?: object | null }) => {
  if (document) documents += 1;
});
await new Promise((resolve, reject) => stream.once('end', resolve).once('error', reject));
await client.close();
process.stdout.write(`${documents}\n`);
