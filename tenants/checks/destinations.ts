import { type Finding, keyFinding, valueFinding } from '../issues.ts';
import { evidenceDataset, latestView, rawDataset, stagingDataset, tableSafe } from '../naming.ts';
import type { Draft } from './draft.ts';

export function* checkDestinations(draft: Draft): Iterable<Finding> {
  yield* sameNames(['connections'], draft.connectionNames);
  yield* sameNames(['sources'], [...draft.sources.keys()]);
  if (draft.tenant === undefined) return;
  const own = [stagingDataset(draft.tenant), evidenceDataset(draft.tenant)];
  const raw = rawDataset(draft.tenant);
  const names = new Map<string, { source: string; safe: string }>();
  for (const [source, { destination, load }] of draft.sources) {
    if (destination === undefined) continue;
    const { dataset = raw, table = tableSafe(source) } = destination;
    const path = ['sources', source, 'destination'];
    if (own.includes(dataset.toLowerCase())) {
      yield valueFinding([...path, 'dataset'], `${dataset} belongs to Tributary itself`, `write dataset: ${raw}`);
    }
    const daily = load?.strategy === 'catalog' && load.history === 'daily';
    for (const written of daily ? [table, latestView(table)] : [table]) {
      const id = `${dataset}.${written}`.toLowerCase();
      const other = names.get(id);
      if (other === undefined) names.set(id, { source, safe: tableSafe(source) });
      else if (other.source !== source && other.safe !== tableSafe(source)) {
        yield keyFinding(
          destination.table === undefined ? ['sources', source] : [...path, 'table'],
          `${other.source} and ${source} both write ${dataset}.${written}`,
          `write another destination.table for ${source}`,
        );
      }
    }
  }
}

function* sameNames(path: readonly string[], names: readonly string[]): Iterable<Finding> {
  const taken = new Map<string, string>();
  for (const name of names) {
    const other = taken.get(tableSafe(name));
    if (other === undefined) taken.set(tableSafe(name), name);
    else
      yield keyFinding(
        [...path, name],
        `${other} and ${name} become the same name`,
        `give ${name} a name that differs in more than - and _`,
      );
  }
}
