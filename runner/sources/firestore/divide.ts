/** A read as splits: stretches of names, or of its window, all at one read time. */
import type { ReadSpec, Window } from '../../core/contracts/source.ts';
import type { Split } from '../../core/contracts/splits.ts';
import { parseCursor } from './cursor.ts';
import { factsOf, firestoreProblem } from './errors.ts';
import { folderOf, idsOf, numberOf, type Questions, questionsAt, rangeOfIds, valuesOf, windowOf } from './lines.ts';
import { objectName } from './names.ts';
import { type NameRange, type ReadTime, WHOLE } from './queries.ts';
import type { SnapshotOptions } from './snapshot.ts';
import { partitions, rangesOf } from './split.ts';
import { gathered, parted } from './stretches.ts';

/** What a split reads. */
export interface SplitTask {
  readonly readTime: ReadTime;
  readonly range: NameRange;
  /** In place of the read's own; `null`: that one stays. */
  readonly window: Window | null;
}

type Piece = Omit<SplitTask, 'readTime'> & { readonly rows: number };

/** Pieces that are counted for a split, so that splits come out alike. */
const PIECES_OF_A_SPLIT = 4;

/** @param most splits at most */
export async function divide(
  options: Pick<SnapshotOptions, 'client' | 'connection' | 'readTime' | 'splitDocuments'>,
  spec: ReadSpec,
  most: number,
  signal: AbortSignal,
): Promise<readonly Split[]> {
  signal.throwIfAborted();
  const { client, connection, readTime, splitDocuments } = options;
  const questions = questionsAt(client, spec.object, readTime, signal);
  try {
    // Documents without a cursor are found by no filter: all are looked at, each by one split.
    const window = spec.nullCursors ? null : spec.window;
    const rows = await questions.count(window);
    const splits = Math.max(1, Math.min(most, Math.ceil(rows / splitDocuments)));
    const pieces =
      splits === 1
        ? [{ range: WHOLE, window: null, rows }]
        : window === null
          ? await byNames(options, questions, spec, { splits, rows }, signal)
          : await byValues(questions, window, { splits, rows }, signal);
    return pieces.map(({ rows, ...piece }, i) => ({
      id: String(i).padStart(5, '0'),
      task: { readTime, ...piece } satisfies SplitTask,
      rows: window === spec.window ? Math.round(rows) : null,
    }));
  } catch (error) {
    signal.throwIfAborted();
    throw firestoreProblem(error, factsOf(connection, objectName(spec.object)));
  }
}

interface Wish {
  readonly splits: number;
  readonly rows: number;
}

/** Where the server parts them; where it does not, or parts others of the same id, by counts. */
async function byNames(
  { client, readTime }: Pick<SnapshotOptions, 'client' | 'readTime'>,
  questions: Questions,
  { object }: ReadSpec,
  { splits, rows }: Wish,
  signal: AbortSignal,
): Promise<readonly Piece[]> {
  const group = object.collectionGroup !== undefined;
  const folder = folderOf(object, client.root);
  const all = await partitions(client, object, splits * PIECES_OF_A_SPLIT - 1, readTime, signal);
  const points = (all ?? []).filter((name) => group || isIn(folder, name));
  if (group || points.length >= splits - 1) {
    const ranges = rangesOf(points).map((range) => ({ ...range, rows: rows / (points.length + 1) }));
    return gathered(ranges, splits).map(({ from, to, rows }) => ({ range: { from, to }, window: null, rows }));
  }
  const enough = Math.ceil(rows / (splits * PIECES_OF_A_SPLIT));
  const stretches = await parted(idsOf(questions, folder), { ...WHOLE, rows }, enough, signal);
  return gathered(stretches, splits).map(({ from, to, rows }) => {
    return { range: rangeOfIds(folder, { from, to }), window: null, rows };
  });
}

function isIn(folder: string, name: string): boolean {
  return name.startsWith(folder) && !name.slice(folder.length).includes('/');
}

async function byValues(
  questions: Questions,
  window: Window,
  { splits, rows }: Wish,
  signal: AbortSignal,
): Promise<readonly Piece[]> {
  const from = window.from === null ? null : numberOf(parseCursor(window.from));
  const whole = { from, to: numberOf(parseCursor(window.to)), rows };
  const stretches = await parted(
    valuesOf(questions, window),
    whole,
    Math.ceil(rows / (splits * PIECES_OF_A_SPLIT)),
    signal,
  );
  return gathered(stretches, splits).map(({ from, to, rows }) => {
    return { range: WHOLE, window: windowOf(window, from, to), rows };
  });
}

/** The task as another process has it again; `null` where it is none. */
export function readTask(given: unknown): SplitTask | null {
  const { readTime, range, window } = (given ?? {}) as { readTime?: unknown; range?: unknown; window?: unknown };
  const { seconds, nanos } = (readTime ?? {}) as Partial<ReadTime>;
  const { from, to } = (range ?? {}) as { from?: unknown; to?: unknown };
  if (!Number.isSafeInteger(seconds) || !Number.isSafeInteger(nanos) || !isEnd(from) || !isEnd(to)) return null;
  if (window !== null && !isWindow(window)) return null;
  return { readTime: { seconds, nanos } as ReadTime, range: { from, to }, window };
}

function isWindow(given: unknown): given is Window {
  const { column, from, to } = (given ?? {}) as { column?: unknown; from?: unknown; to?: unknown };
  return typeof column === 'string' && isEnd(from) && typeof to === 'string';
}

function isEnd(given: unknown): given is string | null {
  return given === null || typeof given === 'string';
}
