/** What chaos wants of a warehouse: to run a source into it, to spoil such a run, and to say what it holds. */
import type { Ask, Dialect } from './oracle.ts';
import type { Random } from './random.ts';
import type { Shape } from './tenant.ts';

/** How a process that carried out a run ended. */
export interface RunEnd {
  readonly killed: boolean;
  readonly hung: boolean;
  readonly events: readonly string[];
  readonly runId: string | null;
  readonly status: string | null;
  readonly code: string | null;
  /** Why it failed: the problem's text, or what it wrote to stderr. */
  readonly detail: string;
}

export interface Spoilt {
  readonly end: RunEnd;
  /** Of the fault, for the report. */
  readonly what: string;
  /** Faults that this run met. */
  readonly met: readonly string[];
  /** What else was the matter: a wrong clock. */
  readonly beside: readonly string[];
  /** Codes with which such a run may fail; none where it was only killed or should succeed. */
  readonly mayFail: readonly string[];
}

/** The source's table, its tenant file and its warehouse, used for a few faults. */
export interface World {
  /** Has `tenants/`; the run store comes into it. */
  readonly folder: string;
  readonly shape: Shape;
  readonly seed: number;
}

/** The warehouse as it is after a run. */
export interface Look extends AsyncDisposable {
  readonly ask: Ask;
  readonly dialect: Dialect;
  /** As its SQL names it. */
  name(dataset: string, table: string): string;
  /** What runs left staged: tables, objects. */
  staged(): Promise<readonly string[]>;
}

/** The warehouse of a world. */
export interface Destination extends AsyncDisposable {
  /** Runs the source once, and something happens to it. */
  spoil(number: number, random: Random): Promise<Spoilt>;
  /** Runs it in peace. */
  run(): Promise<RunEnd>;
  look(): Promise<Look>;
}

/** Opens the worlds of one lane, one after the other. */
export interface Lane extends AsyncDisposable {
  open(world: World): Promise<Destination>;
}

/** A kind of warehouse under chaos. */
export interface Destinations {
  lane(): Promise<Lane>;
  /** Codes with which a run may end that meets what a dead one still does; it is repeated. */
  readonly conflicts: readonly string[];
  /** Writers write while the spoilt run goes on, too. */
  readonly busyWriters: boolean;
  /** `columns` of the tenant file. */
  readonly columns?: Readonly<Record<string, unknown>>;
}
