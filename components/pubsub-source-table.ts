/** The table that messages land in. */
import { Table } from '@pulumi/gcp/bigquery/table.js';
import type { Resource } from '@pulumi/pulumi';
import { dataOptions, deletionPolicy } from './protection.ts';
import type { MessageColumnArgs, PubsubSourceArgs } from './pubsub-source-args.ts';
import type { StreamPlace } from './stream.ts';

/** What Pub/Sub adds: message_id tells a message that came twice. */
const METADATA: readonly MessageColumnArgs[] = [
  { name: 'subscription_name', type: 'STRING', description: 'Subscription that the message came by.' },
  { name: 'message_id', type: 'STRING', description: 'Id of the message; the same where it was delivered twice.' },
  { name: 'publish_time', type: 'TIMESTAMP', description: 'When it was published.' },
  { name: 'attributes', type: 'JSON', description: 'Its attributes and its ordering key.' },
];

const WHOLE: readonly MessageColumnArgs[] = [{ name: 'data', type: 'JSON', description: 'The message.' }];

/** Types as the API writes them: another name for the same would be a difference at every preview. */
const API_NAMES: Readonly<Record<string, string>> = { INT64: 'INTEGER', FLOAT64: 'FLOAT', BOOL: 'BOOLEAN' };

/** Columns of the table: those of the messages, then those of Pub/Sub. */
export function messageSchema({
  columns,
  writeMetadata = true,
  transform,
}: PubsubSourceArgs): Required<MessageColumnArgs>[] {
  const added = writeMetadata && transform?.dataflow !== true ? METADATA : [];
  return [...(columns ?? WHOLE), ...added].map(({ name, type, mode = 'NULLABLE', description = '' }) => ({
    name,
    type: API_NAMES[type] ?? type,
    mode,
    description,
  }));
}

export function createTable(
  parent: Resource,
  name: string,
  args: PubsubSourceArgs,
  { project, labels, data, dependsOn }: StreamPlace,
): Table | undefined {
  if (args.makeTable === false) return undefined;
  const schema = messageSchema(args);
  const published = schema.some(({ name: column }) => column === 'publish_time');
  return new Table(
    `${name}-table`,
    {
      project,
      datasetId: args.dataset,
      tableId: args.table,
      description: `Messages of ${args.stream}.`,
      labels,
      schema: JSON.stringify(schema),
      timePartitioning: { type: 'DAY', ...(published ? { field: 'publish_time' } : {}) },
      deletionProtection: data,
      deletionPolicy: deletionPolicy(data),
    },
    dataOptions({ parent, dependsOn: [...dependsOn] }, data),
  );
}
