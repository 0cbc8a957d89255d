/** What a person or a program says of a stream of changes; plain values, because each decides which resources exist. */
import type { StreamArgs } from './stream.ts';

/** Arguments of {@link Datastream}. */
export interface DatastreamArgs extends StreamArgs {
  /** A PostgreSQL server; this or `mysql`. */
  postgres?: PostgresCaptureArgs;
  /** A MySQL or MariaDB server; this or `postgres`. */
  mysql?: MysqlCaptureArgs;
  /** Tables that flow, with their schema; `*` stands for all of it. @example ["public.orders"] */
  include: string[];
  /** Tables and columns that stay where they are. @example ["public.customers.ssn"] */
  exclude?: string[];
  /** "prepared" (the agent and its grant only), "running" or "paused"; default: "running". @example "prepared" */
  state?: string;
  /** Whether the rows that are there already come first; default: true. */
  backfill?: boolean;
  /** Whether every change becomes a row, instead of the table as it is; default: false. */
  appendOnly?: boolean;
  /** How old a row may be when it is read, in seconds; default: 900. @example 900 */
  freshnessSeconds?: number;
  /** Location of the datasets. @example "EU" */
  location: string;
  /** Dataset of all tables; this or `datasetPrefix`. @example "acme_raw" */
  dataset?: string;
  /** Beginning of the datasets that Datastream makes, one for each schema. @example "acme_shop_" */
  datasetPrefix?: string;
  /** A private connection that is there already. @example "projects/p/locations/europe-west1/privateConnections/shop" */
  privateConnection?: string;
  /** Free /29 of the platform's network, for a peering that is made. @example "10.30.0.0/29" */
  peeringSubnet?: string;
  /** Network attachment for an interface that is made. @example "projects/p/regions/europe-west1/networkAttachments/d" */
  networkAttachment?: string;
}

/** Where a server is and who logs in. */
export interface CaptureServerArgs {
  /** Name or address of the server. @example "10.20.0.5" */
  host: string;
  /** TCP port. @example 5432 */
  port: number;
  /** A login that may replicate. @example "datastream" */
  user: string;
  /** Name of the secret of the tenant that holds its password. @example "shop-password" */
  secret: string;
  /** Numbered version of that secret; default: 1. @example 2 */
  secretVersion?: number;
  /** Certificate (PEM) of who signs the server; absent: it is not checked. */
  ca?: string;
}

/** A PostgreSQL database whose changes flow. */
export interface PostgresCaptureArgs extends CaptureServerArgs {
  /** Database of the tables. @example "shop" */
  database: string;
  /** Publication of the tables. @example "tributary" */
  publication: string;
  /** Slot of this stream alone. @example "tributary_acme" */
  replicationSlot: string;
}

/** A MySQL or MariaDB server whose changes flow. */
export interface MysqlCaptureArgs extends CaptureServerArgs {
  /** Whether the position is a GTID, which survives a failover, instead of a place in a binary log; default: true. */
  gtid?: boolean;
}
