/** One piece of a read that another process has divided: one reader, with a session of its own. */
import type { OutletEnd } from '../../core/channel.ts';
import type { Estimate, ReadColumn, ReadSpec, ReadSummary, Snapshot } from '../../core/contracts/source.ts';
import type { DatabaseConnection } from '../../core/database.ts';
import { TributaryError } from '../../core/errors.ts';
import type { VectorColumn } from '../../core/vectors.ts';
import { type Piece, pieceStatement, readTask } from './pieces.ts';
import { ReaderThread } from './thread.ts';
import { wireColumn } from './types.ts';

export class PostgresSplit implements Snapshot {
  readonly #piece: Piece;
  readonly #thread: ReaderThread;

  private constructor(piece: Piece, thread: ReaderThread) {
    this.#piece = piece;
    this.#thread = thread;
  }

  /** @throws SPLIT_LOST, and as connect.ts */
  static async open(
    at: { readonly connection: DatabaseConnection; readonly password: string | null; readonly object: string },
    task: unknown,
    signal: AbortSignal,
  ): Promise<PostgresSplit> {
    const { piece, ...footing } = readTask(task, at.object);
    const thread = new ReaderThread({ ...at, ...footing }, signal);
    try {
      await thread.begun();
      return new PostgresSplit(piece, thread);
    } catch (error) {
      await thread[Symbol.asyncDispose]();
      throw error;
    }
  }

  async estimate(): Promise<Estimate> {
    return { rows: null, bytes: null };
  }

  async countNulls(): Promise<number> {
    throw new TributaryError('SOURCE_FAILED', {
      reason: 'Rows without a cursor are counted before a read is divided.',
    });
  }

  vectors(columns: readonly ReadColumn[]): readonly VectorColumn[] {
    return columns.map((column) => wireColumn(column).vector);
  }

  async read(spec: ReadSpec, outlets: readonly OutletEnd[]): Promise<ReadSummary> {
    const [outlet] = outlets;
    if (outlet === undefined || outlets.length > 1)
      throw new TributaryError('SOURCE_FAILED', { reason: 'A piece of a read has exactly one reader.' });
    return this.#thread.read({ statement: pieceStatement(spec, this.#piece), spec, outlet });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#thread[Symbol.asyncDispose]();
  }
}
