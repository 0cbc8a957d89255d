import { type Finding, keyFinding, valueFinding } from '../issues.ts';
import { durationSeconds } from '../schema/duration.ts';
import type { Draft } from './draft.ts';

export function* checkLoads(draft: Draft): Iterable<Finding> {
  for (const [name, source] of draft.sources) {
    const { load, destination } = source;
    const path = ['sources', name, 'load'];
    if (load === undefined) continue;
    if (load.strategy === 'catalog') {
      if (load.history === 'daily' && destination?.partitionBy !== undefined) {
        yield keyFinding(
          ['sources', name, 'destination', 'partitionBy'],
          'a daily history is partitioned by _snapshot_date',
          'remove partitionBy, or write history: replace',
        );
      }
      continue;
    }
    const raw = (draft.data.sources as Record<string, Record<string, unknown>>)[name] ?? {};
    const files = 'files' in raw || isFileConnection(draft, source.connection);
    const merge = load.mode === 'merge';
    if (merge && load.key === undefined) {
      yield keyFinding([...path, 'key'], 'merge needs a key', 'write for example key: [id], or mode: append');
    }
    if (files) {
      if (load.cursor !== undefined)
        yield keyFinding([...path, 'cursor'], 'files need no cursor: each is loaded once', 'remove cursor');
      if (load.deletes !== 'ignore')
        yield valueFinding([...path, 'deletes'], 'files keep no keys to compare', 'write deletes: ignore');
      continue;
    }
    if (load.cursor === undefined) {
      yield keyFinding(
        [...path, 'cursor'],
        'transactional needs a cursor',
        'write for example cursor: updated_at, or strategy: catalog',
      );
    }
    if (!merge && durationSeconds(load.lookback) > 0 && load.key === undefined) {
      yield valueFinding(
        [...path, 'lookback'],
        'append with a lookback needs a key to know the rows it has',
        'write for example key: [id], or remove lookback',
      );
    }
    if (!merge && load.deletes !== 'ignore') {
      yield valueFinding(
        [...path, 'deletes'],
        `deletes: ${load.deletes} compares keys and needs mode: merge`,
        'write mode: merge, or deletes: ignore',
      );
    }
  }
}

function isFileConnection(draft: Draft, name: string | undefined): boolean {
  const kind = name === undefined ? undefined : draft.connections.get(name)?.kind;
  return kind === 'gcs' || kind === 's3' || kind === 'azure-blob';
}
