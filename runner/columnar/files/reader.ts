/** Pieces of objects into rows: read at once where all is well, with care where it is not. */
import { rm } from 'node:fs/promises';
import type { ChannelProgress } from '../../core/channel.ts';
import type { FilesOffer, LoadedFile, OfferedFile } from '../../core/contracts/offer.ts';
import type { ReadSummary } from '../../core/contracts/source.ts';
import { TributaryError } from '../../core/errors.ts';
import { LATE } from '../../core/late.ts';
import type { RejectedRow, VectorColumn } from '../../core/vectors.ts';
import type { Engine } from '../engine.ts';
import { quoteText } from '../sql.ts';
import { columnsOf, footerRows } from './footers.ts';
import { keepNumbers } from './numbers.ts';
import { type Field, headLine, jsonGiven, jsonKeys, knownGiven } from './objects.ts';
import type { Piece } from './pieces.ts';
import { countRecords, expectedOf, expectedRows } from './records.ts';
import {
  type Bad,
  dropRejects,
  goodLines,
  rejectedRow,
  STORE_REJECTS,
  takeRejects,
  withOneLineEnd,
} from './rejects.ts';
import { alikeSelect, csvGiven, type Given, parquetGiven, vectorSelect, type Wanted } from './relation.ts';

export interface FilesReading {
  readonly offer: FilesOffer;
  /** Of the stage; the last one carries late fields where the offer has them. */
  readonly vectors: readonly VectorColumn[];
  /** Scratch; who gives it removes it. */
  readonly folder: string;
  /** Bytes of text in a piece; default 64 MB. */
  readonly sliceBytes?: number;
  readonly maxRejected?: number;
}

export class Reader {
  readonly rejected: RejectedRow[] = [];
  readonly #engine: Engine;
  readonly #reading: FilesReading;
  readonly #write: (select: string) => Promise<number>;
  readonly #wanted: Wanted;
  readonly #hidden: boolean;
  readonly #allDigits: ReadonlySet<string>;
  readonly #rows = new Map<OfferedFile, number>();
  readonly #late = new Set<string>();
  #written = 0;
  /** No piece so far had a field that is not known. */
  #allKnown = true;
  /** Records of the texts, rows of the footers: what should have come. */
  #records = 0;
  #bytes = 0;

  constructor(engine: Engine, reading: FilesReading, write: (select: string) => Promise<number>) {
    const { columns, late, files } = reading.offer;
    this.#engine = engine;
    this.#reading = reading;
    this.#write = write;
    const known = new Set([...columns.map(({ source }) => source), ...Object.keys(files[0]?.constants ?? {})]);
    const { only, except = [] } = late ?? {};
    const wish = (name: string) =>
      !known.has(name) && !except.includes(name) && (only === undefined || only.includes(name));
    this.#wanted = {
      columns,
      vectors: reading.vectors.filter(({ name }) => name !== LATE),
      late: late === undefined ? null : wish,
    };
    this.#hidden = columns.some(({ mask }) => mask !== undefined);
    this.#allDigits = new Set(columns.flatMap(({ source, allDigits }) => (allDigits ? [source] : [])));
    for (const file of files) this.#rows.set(file, 0);
  }

  /** What a piece of objects begins with, where names that are not known are of interest. */
  get head(): Uint8Array | null {
    const { spec, files, late } = this.#reading.offer;
    if (spec.format !== 'json' || late === undefined) return null;
    const left = late.except.map((source) => ({ source, json: true }));
    return headLine([...this.#known(files[0] ?? { constants: {} }), ...left]);
  }

  get progress(): ChannelProgress {
    return { rows: this.#written, bytes: this.#bytes, rejected: this.rejected.length };
  }

  summary(): ReadSummary {
    const files = [...this.#rows].map(([{ uri, version, bytes, modifiedAt }, rows]): LoadedFile => {
      return { uri, version, bytes, modifiedAt, rows };
    });
    const json = this.#reading.offer.spec.format !== 'csv';
    const late = [...this.#late].map((name) => ({
      name,
      sourceType: json ? 'any' : 'text',
      logical: { kind: json ? ('JSON' as const) : ('STRING' as const) },
      nullable: true,
    }));
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return {
      extracted: this.#records,
      rejected: this.rejected.length,
      nullified: 0,
      bytes,
      late,
      files,
    };
  }

  /** Small files together, a large one piece by piece. */
  async take(group: readonly Piece[]): Promise<void> {
    try {
      await this.#read(group);
    } finally {
      const paths = group.flatMap(({ slice: { path } }) => [path, keptPath(path)]);
      await Promise.all(paths.map((path) => rm(path, { force: true })));
    }
  }

  /** One that is not well-formed among many is found by halves. */
  async #read(group: readonly Piece[]): Promise<void> {
    const [first] = group;
    if (first === undefined) return;
    if (group.length === 1) return await this.#alone(first);
    if (await this.#together(group)) return;
    const half = group.length >> 1;
    await this.#read(group.slice(0, half));
    await this.#read(group.slice(half));
  }

  /** @returns false, with nothing written, where one of them is not well-formed */
  async #together(group: readonly Piece[]): Promise<boolean> {
    const table = 'temp.main._tributary_pieces';
    try {
      const selects = await this.#selects(group);
      await this.#engine.execute(`CREATE OR REPLACE TEMP TABLE _tributary_pieces AS ${selects.join(' UNION ALL ')}`);
    } catch (error) {
      if (isEnd(error)) throw error;
      return false;
    }
    const counts = await this.#engine.query(`SELECT ${PLACE} AS i, count(*) AS n FROM ${table} GROUP BY 1`);
    await this.#write(`SELECT * EXCLUDE (${PLACE}) FROM ${table}`);
    await this.#engine.execute(`DROP TABLE ${table}`);
    const rows = new Map(counts.map(({ i, n }) => [Number(i), Number(n)]));
    const parquet = this.#reading.offer.spec.format === 'parquet';
    const footers = parquet ? await footerRows(this.#engine, pathsOf(group)) : null;
    for (const [i, piece] of group.entries()) {
      const given = rows.get(i) ?? 0;
      if (footers === null) await this.#counted(piece, given, []);
      else this.#add(piece, given, [], footers.get(piece.slice.path) ?? 0);
    }
    for (const { file } of group) this.#bytes += file.bytes;
    return true;
  }

  /** One for all pieces that are alike. */
  async #selects(group: readonly Piece[]): Promise<readonly string[]> {
    const types = this.#reading.offer.spec.format === 'parquet' ? await columnsOf(this.#engine, pathsOf(group)) : null;
    const shape = ({ file: { constants }, header, slice: { path } }: Piece) =>
      JSON.stringify([Object.keys(constants), header?.names, header?.lineEnd, types?.get(path)]);
    const places = new Map(group.map((piece, place) => [piece, place]));
    const selects: string[] = [];
    for (const alike of Map.groupBy(group, shape).values()) {
      const given = await this.#given(alike);
      const numbers = alike.map((piece) => places.get(piece) as number);
      selects.push(alikeSelect(this.#wanted, given, alike, PLACE, numbers));
    }
    return selects;
  }

  async #alone(piece: Piece): Promise<void> {
    if (piece.slice.headed && this.#allKnown) {
      this.#allKnown = await this.#atOnce(piece);
      if (this.#allKnown) return;
    }
    try {
      await this.#counted(piece, await this.#write(await this.#select(piece)), []);
    } catch (error) {
      if (isEnd(error)) throw error;
      if (this.#reading.offer.spec.format === 'parquet') throw unreadable(piece, error);
      await this.#carefully(piece).catch((second: unknown) => {
        throw isEnd(second) ? second : unreadable(piece, second);
      });
    }
    this.#bytes += piece.slice.bytes;
  }

  /** @returns false, with nothing written, where objects have other fields too, or are not well-formed */
  async #atOnce(piece: Piece): Promise<boolean> {
    try {
      const select = vectorSelect(this.#wanted, knownGiven(await this.#digitsKept(piece)), piece.file);
      await this.#counted(piece, await this.#write(select), []);
    } catch (error) {
      if (isEnd(error)) throw error;
      return false;
    }
    this.#bytes += piece.slice.bytes;
    return true;
  }

  /** Row by row where that is needed: what is malformed is told, the rest is read. */
  async #carefully(piece: Piece): Promise<void> {
    const { spec } = this.#reading.offer;
    const { slice } = piece;
    if (spec.format === 'csv') {
      await dropRejects(this.#engine);
      const counted = await countRecords(slice.path, spec.csv, false);
      const rows = await this.#write(await this.#select(await withOneLineEnd(piece, spec.csv), STORE_REJECTS));
      const bad = await takeRejects(this.#engine, slice);
      this.#add(piece, rows, bad, expectedOf(counted, rows + bad.length));
      return;
    }
    const path = `${slice.path}.good`;
    try {
      const bad = await goodLines(slice, path);
      const rows = await this.#write(await this.#select({ ...piece, slice: { ...slice, path } }));
      await this.#counted(piece, rows, bad);
    } finally {
      await Promise.all([path, keptPath(path)].map((one) => rm(one, { force: true })));
    }
  }

  async #select(piece: Piece, more = ''): Promise<string> {
    return vectorSelect(this.#wanted, await this.#given([piece], more), piece.file);
  }

  /** @param pieces of one shape */
  async #given(pieces: readonly Piece[], more = ''): Promise<Given> {
    const { spec } = this.#reading.offer;
    if (spec.format === 'csv') return this.#noting(csvGiven(pieces, spec.csv, more));
    const wanted = this.#wanted;
    const paths = pathsOf(pieces);
    const [first] = pieces as readonly [Piece];
    if (spec.format === 'parquet') return this.#noting(parquetGiven(paths, await this.#types(first.slice.path)));
    const known = this.#known(first.file);
    const keys = wanted.late === null ? [] : await this.#engine.query(jsonKeys(paths));
    const others = keys.map(({ name }) => String(name)).filter((name) => wanted.late?.(name));
    const kept: string[] = [];
    for (const piece of pieces) kept.push(await this.#digitsKept(piece));
    return this.#noting(jsonGiven(kept, known, others, first.slice.headed));
  }

  #known({ constants }: Pick<OfferedFile, 'constants'>): readonly Field[] {
    const { columns, vectors } = this.#wanted;
    return columns.flatMap(({ source }, i) =>
      source in constants ? [] : [{ source, json: vectors[i]?.kind === 'json' }],
    );
  }

  /** @returns the path of the lines to read: those of the piece, or the same where long numbers are texts */
  async #digitsKept({ slice: { path } }: Piece): Promise<string> {
    if (this.#allDigits.size === 0) return path;
    await keepNumbers(path, keptPath(path), this.#allDigits);
    return keptPath(path);
  }

  async #types(path: string): Promise<ReadonlyMap<string, string>> {
    const described = await this.#engine.query(`DESCRIBE SELECT * FROM read_parquet(${quoteText(path)})`);
    return new Map(described.map(({ column_name, column_type }) => [String(column_name), String(column_type)]));
  }

  #noting<T extends { readonly others: readonly string[] }>(given: T): T {
    for (const name of given.others) if (this.#wanted.late?.(name) === true) this.#late.add(name);
    return given;
  }

  async #counted(piece: Piece, rows: number, bad: readonly Bad[]): Promise<void> {
    this.#add(piece, rows, bad, await expectedRows(this.#engine, piece, this.#reading.offer.spec, rows + bad.length));
  }

  #add({ file }: Piece, rows: number, bad: readonly Bad[], records: number): void {
    this.#written += rows;
    this.#records += records;
    this.#rows.set(file, (this.#rows.get(file) ?? 0) + rows + bad.length);
    for (const one of bad) this.rejected.push(rejectedRow(file, one, this.#hidden));
    const limit = this.#reading.maxRejected ?? Number.POSITIVE_INFINITY;
    const rejected = this.rejected.length;
    if (rejected <= limit) return;
    const reason = this.rejected.at(-1)?.reason ?? 'unknown';
    throw new TributaryError('QUARANTINE_OVERFLOW', { rows: rejected, total: this.#written + rejected, limit, reason });
  }
}

const pathsOf = (pieces: readonly Piece[]) => pieces.map(({ slice }) => slice.path);

/** Of a row: its piece among those that are read together. */
const PLACE = '_tributary_piece';

/** Where the lines of a piece lie whose numbers keep all digits. */
const keptPath = (path: string) => `${path}.kept`;

const ENDS = new Set([
  'WAREHOUSE_MEMORY',
  'WAREHOUSE_DISK_FULL',
  'WAREHOUSE_BUSY',
  'WAREHOUSE_READ_ONLY',
  'WAREHOUSE_CONFLICT',
]);

/** What another way of reading does not help against. */
function isEnd(error: unknown): boolean {
  return !TributaryError.is(error) || ENDS.has(error.problem.code) || !error.problem.code.startsWith('WAREHOUSE_');
}

function unreadable({ file }: Piece, error: unknown): unknown {
  const reason = TributaryError.is(error) ? error.problem.detail.replace(/\.$/, '') : String(error);
  return new TributaryError('FILE_UNREADABLE', { file: file.uri, reason }, { cause: error });
}
