/** What a connector says of itself to people: the page docs/connectors/<kind>.md is made of it. Types only. */
import type { ConnectionSpec } from '../../../tenants/schema/index.ts';
import type { SourceCapabilities } from './source.ts';

/** One line of a type table. */
export interface TypeRow {
  /** As the source names it, several separated by commas. */
  readonly source: string;
  /** Logical type: `NUMERIC(p,s)`. */
  readonly type: string;
  readonly notes?: string;
}

/** Something that has to be allowed, and how. */
export interface Grant {
  /** What for, as the beginning of a sentence: "To read a table". */
  readonly purpose: string;
  readonly language: 'sql' | 'sh' | 'json';
  /** The exact commands, with the names of the example. */
  readonly commands: string;
}

/** Sentences of Markdown; names of keys and commands in backticks. */
export interface ConnectorAbout {
  readonly kind: ConnectionSpec['kind'];
  /** The very object that the connector has. */
  readonly capabilities: SourceCapabilities;
  /** How an object is written in a tenant file and for `discover`. */
  readonly objects: string;
  /** What makes a read see one moment, and what several readers do. */
  readonly snapshot: string;
  /** How far a window may reach and who proves it; how files are loaded once. */
  readonly bound: string;
  /** How rows travel: the protocol, what is decoded where. */
  readonly reading: string;
  /** Absent for stores of files: the formats have theirs. */
  readonly types?: readonly TypeRow[];
  /** The least that reading needs first. */
  readonly grants: readonly Grant[];
  /** What it cannot do or refuses, one sentence each. */
  readonly limits: readonly string[];
  /** `connections:` and `sources:` of a tenant file, in YAML; it is checked like one. */
  readonly example: string;
}

/** What all stores of files have in common, for the pages of each. */
export interface FilesAbout {
  /** Which objects are read, when, and how each is loaded once. */
  readonly objects: string;
  readonly formats: readonly {
    /** CSV, NDJSON, JSON, Parquet. */
    readonly name: string;
    /** How its bytes become rows and columns. */
    readonly reading: string;
    readonly types: readonly TypeRow[];
  }[];
  readonly limits: readonly string[];
}
