/** What people are told of this connector; docs/connectors/firestore.md is made of it. */
import type { ConnectorAbout } from '../../core/contracts/about.ts';

export const about: ConnectorAbout = {
  kind: 'firestore',
  capabilities: { parallelReaders: true, queries: false, windows: true, lateFields: true },
  objects:
    '`collection: products`, `collection: shops/berlin/orders` for one below a document, or `collectionGroup: orders` for all collections of that id. A row is a document: `document_id`, `_document_path`, and a column for each field.',
  snapshot:
    'One read time, at which all readers read; Firestore keeps the versions of the last hour, so a run has that long. With `execution.readers` a collection group is split by the server (PartitionQuery), one collection by the first letter of its ids; a window has one reader. Beyond one machine (`execution.mode`) a read is parted into splits at the same read time: by PartitionQuery, where that gives too few points by counts of stretches of ids, a window by counts of stretches of its values. A split that begins after that hour fails the run (`SPLIT_LOST`).',
  bound:
    'A window ends `load.lag` before the read time. Times that the server sets (`serverTimestamp`) need none; a time that a client sets can be older than its commit, and `load.lag` has to cover that. The time of a write itself (`updateTime`) cannot be asked for. Documents without the cursor are found by no filter: they are counted, and where there are some and `cursorNulls` is `include`, each run reads all documents.',
  reading:
    '`RunQuery` over gRPC in threads; documents are decoded from the bytes of the wire straight into column vectors. A stream that breaks goes on behind its last document, at the same read time. The columns are those of the first 100 documents and of earlier runs; a field that comes later becomes a column by `contract.columns` before the commit, and a value of another type than its column goes to quarantine. Each document is one read of the bill: `plan` says how many, `--max-cost` refuses (list price 0.06 USD for 100,000; `TRIBUTARY_USD_PER_100K_READS`). With `execution: {firestoreExport: true}` a full load into BigQuery takes the managed export (`exportDocuments`) of the collection id, as of the last whole minute, into the staging bucket, and one load job; each document is one read of the bill there too. `plan` says which way. Where the export is not exactly what a read gives, the run says why and reads, and has then paid for both: maps, arrays, geo points, vectors, references and NULL alone (seen in the sample: nothing is exported), a field of several types or one that no column is for, ids with quotes or numbers, texts from 64,000 bytes on.',
  types: [
    { source: 'integer', type: 'INT64', notes: 'exact over all 64 bits; a double that is whole is one' },
    { source: 'double', type: 'FLOAT64', notes: 'NaN and ±infinity are kept; integers up to 53 bits are among them' },
    { source: 'boolean', type: 'BOOL' },
    { source: 'timestamp', type: 'TIMESTAMP', notes: 'microseconds' },
    { source: 'string', type: 'STRING' },
    {
      source: 'reference',
      type: 'STRING',
      notes: 'the path below the database; the full name where it is another one',
    },
    { source: 'bytes', type: 'BYTES', notes: 'base64 inside of JSON' },
    { source: 'map, array', type: 'JSON', notes: 'a double keeps its point (`1.0`), NaN and ±infinity are strings' },
    { source: 'geo point', type: 'JSON', notes: '`{"latitude": …, "longitude": …}`' },
    { source: 'vector', type: 'JSON', notes: 'an array of numbers' },
    { source: 'null', type: 'JSON', notes: 'where nothing else was seen; else it decides nothing' },
    { source: 'values of several types', type: 'JSON', notes: 'integers and doubles: FLOAT64' },
  ],
  grants: [
    {
      purpose: 'To read documents',
      language: 'sh',
      commands:
        'gcloud projects add-iam-policy-binding acme-app --member=serviceAccount:RUNNER --role=roles/datastore.viewer',
    },
    {
      purpose:
        'For `execution: {firestoreExport: true}`; where the bucket is of another project, the agent of Firestore has to write into it',
      language: 'sh',
      commands: `gcloud projects add-iam-policy-binding acme-app --member=serviceAccount:RUNNER --role=roles/datastore.importExportAdmin
gcloud storage buckets add-iam-policy-binding gs://BUCKET --member=serviceAccount:service-NUMBER@gcp-sa-firestore.iam.gserviceaccount.com --role=roles/storage.admin`,
    },
  ],
  limits: [
    'There is no login but that of Google: security rules do not apply to it, and there are no rights on single collections.',
    'A run that reads for longer than an hour fails: its read time is too old by then. Split it by windows, or read it in splits. Point-in-time recovery keeps seven days, but whole minutes only, which a read time is not.',
    'Splits cost some reads more: a count is one read for 1000 documents, and each split begins with one document. Documents without a cursor (`cursorNulls: include`) are found by looking at all documents, which the splits share.',
    'A collection group has splits only where the server answers PartitionQuery; a collection of documents that were all written at one moment has one split for that moment in a window.',
    'A collection without documents does not exist for Firestore; it is loaded as one without rows.',
    'A cursor is a field of timestamps; a filter on it needs its single-field index, which Firestore makes by itself.',
    'A field that is new and lies in a quarantined row stays there until a replay.',
    'A field of the name `document_id` or `_document_path` gets a column with backquotes in its source name.',
    'A managed export is of all collections of an id: those at other places are paid for and left out. It is used for flat documents only, and into BigQuery only; the bucket must lie where the datasets do.',
    'An export is up to a minute older than its run: a full load that reads, and one by export right after it, may go back that far.',
  ],
  example: `connections:
  app: {kind: firestore, project: acme-app}
sources:
  products:
    connection: app
    collection: products
    load: {strategy: catalog, history: daily}
    schedule: {cron: "0 3 * * *", timeZone: Europe/Warsaw}
  reviews:
    connection: app
    collectionGroup: reviews
    load: {strategy: transactional, mode: merge, key: [_document_path], cursor: updated_at}
`,
};
