/** What a person or a program says of messages that land; plain values, because each decides which resources exist. */
import type { StreamArgs } from './stream.ts';

/** Arguments of {@link PubsubSource}. */
export interface PubsubSourceArgs extends StreamArgs {
  /** A topic that is there already; absent: one is made. @example "projects/acme-app/topics/clicks" */
  topic?: string;
  /** Dataset of the table. @example "acme_raw" */
  dataset: string;
  /** The table. @example "clicks" */
  table: string;
  /** Whether the table is made; default: true. */
  makeTable?: boolean;
  /** Its columns; absent: one column `data` (JSON) holds the message. */
  columns?: MessageColumnArgs[];
  /** Whether a key that is no column is left out, instead of making the message a dead letter; default: false. */
  dropUnknownFields?: boolean;
  /** Whether columns say when and as what a message came; default: true. Dataflow writes none. */
  writeMetadata?: boolean;
  /** Messages whose attributes match. @example "attributes.kind = \"click\"" */
  filter?: string;
  /** How long a write may take, in seconds; default: 60. @example 60 */
  ackDeadlineSeconds?: number;
  /** How long a message waits for its table, in seconds; default: 604800. @example 604800 */
  retentionSeconds?: number;
  /** Tries before a message is put aside; default: 5. @example 5 */
  deadLetterAttempts?: number;
  /** How long it is kept there, in seconds; default: 2678400. @example 2678400 */
  deadLetterRetentionSeconds?: number;
  /** A function that changes or drops messages on their way. */
  transform?: TransformArgs;
}

/** A column of the table that is made. */
export interface MessageColumnArgs {
  /** Key of the message and name of the column. @example "user_id" */
  name: string;
  /** Type of BigQuery. @example "STRING" */
  type: string;
  /** "NULLABLE", "REQUIRED" or "REPEATED"; default: "NULLABLE". @example "NULLABLE" */
  mode?: string;
  /** What it holds. @example "Who clicked." */
  description?: string;
}

/** A function on messages. */
export interface TransformArgs {
  /** Name of the function. @example "transform" */
  function: string;
  /** The code. @example "function transform(message, metadata) { return message; }" */
  javascript: string;
  /** Whether a streaming job of Dataflow calls it, instead of Pub/Sub itself; default: false. */
  dataflow?: boolean;
  /** Most workers of that job; default: 2. @example 2 */
  maxWorkers?: number;
}
