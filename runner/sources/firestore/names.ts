/** Names and paths of Firestore, and the columns that they become. Pure. */
import type { ObjectRef, SourceColumn } from '../../core/contracts/source.ts';
import { TributaryError } from '../../core/errors.ts';

/** Columns that every document has, from its name. */
export const ID = 'document_id';
export const PATH = '_document_path';

export const NAME_COLUMNS: readonly SourceColumn[] = [
  { name: ID, sourceType: 'document id', logical: { kind: 'STRING' }, nullable: false },
  { name: PATH, sourceType: 'document path', logical: { kind: 'STRING' }, nullable: false },
];

/** The column of a field: its name, in backquotes where one of the {@link NAME_COLUMNS} has it. */
export function columnOf(field: string): string {
  return field === ID || field === PATH ? `\`${field}\`` : field;
}

/** The field of a column; `null` where it is of the document's name. */
export function fieldOf(column: string): string | null {
  if (column === ID || column === PATH) return null;
  return column === `\`${ID}\`` || column === `\`${PATH}\`` ? column.slice(1, -1) : column;
}

/**
 * A field in a path of fields.
 *
 * @example fieldPath('a.b') // '`a.b`'
 */
export function fieldPath(field: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(field)
    ? field
    : `\`${field.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

/** Where a query starts and what it is from. */
export interface Scope {
  /** `projects/…/documents`, or a document below it. */
  readonly parent: string;
  readonly collectionId: string;
  /** All collections of that id. */
  readonly group: boolean;
}

/**
 * @param root `projects/acme-app/databases/(default)/documents`
 * @throws SOURCE_OBJECT_MISSING where the path is one of a document, or of nothing
 */
export function scopeOf(object: ObjectRef, root: string): Scope {
  if (object.collectionGroup !== undefined) return { parent: root, collectionId: object.collectionGroup, group: true };
  const parts = (object.collection ?? '').split('/');
  const collectionId = parts.pop() ?? '';
  if (parts.length % 2 !== 0 || collectionId === '' || parts.includes(''))
    throw new TributaryError('SOURCE_OBJECT_MISSING', { object: `The collection ${object.collection || '""'}` });
  return { parent: [root, ...parts].join('/'), collectionId, group: false };
}

export function objectName({ collection, collectionGroup }: ObjectRef): string {
  return collection ?? collectionGroup ?? '';
}

const NUMERIC_ID = /^__id(-?\d+)__$/;

/**
 * The server's order of names: part by part, numeric ids (`__id7__`) first and by their numbers, the others by their bytes.
 *
 * @example compareNames('a/x', 'a-b/x') // negative, though "-" is less than "/"
 */
export function compareNames(a: string, b: string): number {
  const left = a.split('/');
  const right = b.split('/');
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = compareIds(left[i] ?? '', right[i] ?? '');
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function compareIds(a: string, b: string): number {
  const left = NUMERIC_ID.exec(a)?.[1];
  const right = NUMERIC_ID.exec(b)?.[1];
  if (left !== undefined && right !== undefined) return Number(BigInt(left) - BigInt(right));
  if (left !== undefined || right !== undefined) return left === undefined ? 1 : -1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
