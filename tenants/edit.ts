/** Changes parts of a tenant file and keeps the rest as a person wrote it: order, comments, blank lines. */
import { type Document, isMap, isNode, parseDocument, stringify } from 'yaml';
import type { Path } from './issues.ts';

/** What a file says at a path, as plain data; `undefined`: nothing. */
export function readAt(text: string, path: Path): unknown {
  const document = parseDocument(text);
  const found = document.getIn(path, true);
  return isNode(found) ? found.toJS(document) : found;
}

/** A new file. */
export function writeTenantText(value: unknown): string {
  return stringify(value, { lineWidth: 120 });
}

/**
 * The text with another value at a path; `undefined` removes it. Of a map only what differs is written.
 *
 * @example editTenantText(yaml, ['sources', 'orders', 'load', 'mode'], 'append')
 */
export function editTenantText(text: string, path: Path, value: unknown): string {
  const document = parseDocument(text);
  if (value === undefined) document.deleteIn(path);
  else merge(document, path, value);
  return document.toString({ lineWidth: 120 });
}

function merge(document: Document, path: Path, value: unknown): void {
  const before = path.length === 0 ? document.contents : document.getIn(path, true);
  if (isPlain(value) && isMap(before)) {
    for (const { key } of [...before.items]) {
      const name = String(isNode(key) ? key.toJS(document) : key);
      if (!Object.hasOwn(value, name)) document.deleteIn([...path, name]);
    }
    for (const [name, inner] of Object.entries(value)) merge(document, [...path, name], inner);
    return;
  }
  const said = isNode(before) ? before.toJS(document) : before;
  if (before !== undefined && JSON.stringify(said) === JSON.stringify(value)) return;
  if (path.length === 0) document.contents = document.createNode(value) as never;
  else document.setIn(path, document.createNode(value));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
