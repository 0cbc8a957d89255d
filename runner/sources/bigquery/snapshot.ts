/** One consistent view: a table as it was at one moment; what has no past is computed once. */

import { usdOf } from '../../bigquery/billing.ts';
import { quoteName } from '../../bigquery/sql.ts';
import type { OutletEnd } from '../../core/channel.ts';
import type { Offer } from '../../core/contracts/offer.ts';
import type {
  Estimate,
  ObjectRef,
  ReadColumn,
  ReadSpec,
  ReadSummary,
  Snapshot,
  Window,
} from '../../core/contracts/source.ts';
import type { VectorColumn } from '../../core/vectors.ts';
import type { Known } from './describe.ts';
import { type From, fromClause, maskParameters, selectStatement, windowCondition } from './query.ts';
import { type Computed, readStreams } from './read.ts';
import type { SourceSession } from './session.ts';
import { vectorFor } from './types.ts';

export class BigquerySnapshot implements Snapshot {
  readonly #session: SourceSession;
  readonly #known: Known;
  /** Moment of the snapshot, ISO 8601. */
  readonly #at: string;
  readonly #computed: Computed = new Map();

  constructor(session: SourceSession, known: Known, at: string) {
    this.#session = session;
    this.#known = known;
    this.#at = at;
  }

  #from(object: ObjectRef, column?: string): From {
    const cursorType = this.#known.shape.columns.find(({ name }) => name === column)?.sourceType;
    return {
      project: this.#session.options.project,
      object,
      ...(cursorType === undefined ? {} : { cursorType }),
      ...(this.#known.plain ? { at: this.#at } : {}),
    };
  }

  /** Of a whole table by its metadata, which is free of charge; else what a dry run says. */
  estimate(object: ObjectRef, window: Window | null): Promise<Estimate> {
    return this.#session.told(object, async () => {
      const { shape, location } = this.#known;
      const from = this.#from(object, window?.column);
      const where = windowCondition(window, false, from.cursorType);
      const sql = `SELECT * FROM ${fromClause(from)}${where === '' ? '' : ` WHERE ${where}`}`;
      const billed = await this.#session.dryRun(sql, { location });
      const price = {
        usd: usdOf(billed, this.#session.usdPerTib),
        what: `${billed} bytes by a dry run, billed to ${this.#session.options.billed}`,
      };
      if (window === null) return { rows: shape.rows, bytes: shape.bytes ?? billed, price };
      const pruned = shape.bytes !== null && shape.rows !== null && billed < shape.bytes;
      return {
        rows: pruned ? Math.ceil(((shape.rows ?? 0) * billed) / (shape.bytes ?? 1)) : null,
        bytes: billed,
        price,
      };
    });
  }

  async countNulls(object: ObjectRef, column: string): Promise<number> {
    const sql = `SELECT COUNT(*) AS n FROM ${fromClause(this.#from(object))} WHERE ${quoteName(column)} IS NULL`;
    const { location } = this.#known;
    const [row] = await this.#session.told(object, () => this.#session.rows(sql, { location }));
    return Number(row?.n ?? 0);
  }

  vectors(columns: readonly ReadColumn[]): readonly VectorColumn[] {
    return columns.map(vectorFor);
  }

  /** BigQuery itself reads what lies where it writes. */
  offers(spec: ReadSpec): readonly Offer[] {
    const { maxBytesBilled } = this.#session.options;
    return [
      {
        way: 'statement',
        dialect: 'bigquery',
        sql: selectStatement(this.#from(spec.object, spec.window?.column), spec, 'native'),
        parameters: maskParameters(spec),
        location: this.#known.location,
        ...(maxBytesBilled === undefined ? {} : { maxBytesBilled }),
      },
    ];
  }

  read(spec: ReadSpec, outlets: readonly OutletEnd[], signal: AbortSignal): Promise<ReadSummary> {
    const from = this.#from(spec.object, spec.window?.column);
    return this.#session.told(spec.object, () =>
      readStreams(
        { session: this.#session, known: this.#known, from, spec, outlets, computed: this.#computed },
        signal,
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
