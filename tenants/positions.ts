import { type Document, isMap, isPair, isScalar, isSeq, type LineCounter, type Node, type ParsedNode } from 'yaml';
import type { Path } from './issues.ts';

/** Where things stand in a YAML document. */
export interface Positions {
  /** Line and column of a key or value; of the nearest part around it that exists. */
  of(path: Path, at: 'key' | 'value'): { line: number; column: number };
  /** The path of whatever stands at a place of the text. */
  pathAt(offset: number): Path;
}

export function positionsOf(document: Document.Parsed, lines: LineCounter): Positions {
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  return {
    of(path, at) {
      let node: unknown = document.contents;
      let found = startOf(node) ?? 0;
      for (const [i, step] of path.entries()) {
        const pair = isMap(node) ? node.items.find(({ key }) => keyText(key) === String(step)) : undefined;
        const value = pair?.value ?? (isSeq(node) ? node.items[Number(step)] : undefined);
        if (pair === undefined && value === undefined) break;
        const last = i === path.length - 1;
        const wanted = last && at === 'value' && !isEmpty(value) ? startOf(value) : startOf(pair?.key);
        found = wanted ?? startOf(value) ?? found;
        node = resolve(value, document);
      }
      return place(found);
    },
    pathAt(offset) {
      const path: (string | number)[] = [];
      let node: unknown = document.contents;
      for (;;) {
        const step = isMap(node)
          ? node.items.findLast((pair) => (startOf(pair.key) ?? Number.POSITIVE_INFINITY) <= offset)
          : undefined;
        const index = isSeq(node)
          ? node.items.findLastIndex((item) => (startOf(item) ?? Number.POSITIVE_INFINITY) <= offset)
          : -1;
        if (isPair(step)) {
          path.push(keyText(step.key));
          node = step.value;
        } else if (isSeq(node) && index >= 0) {
          path.push(index);
          node = node.items[index];
        } else return path;
      }
    },
  };
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function startOf(node: unknown): number | undefined {
  return (node as ParsedNode | null | undefined)?.range?.[0];
}

function isEmpty(node: unknown): boolean {
  return isScalar(node) && node.value === null && node.source === '';
}

function resolve(node: unknown, document: Document.Parsed): unknown {
  const alias = node as { resolve?: (document: Document) => Node | undefined } | null;
  return typeof alias?.resolve === 'function' ? alias.resolve(document) : node;
}
