import { durationSeconds } from '../../tenants/schema/duration.ts';
import type { LoadSpec } from '../../tenants/schema/index.ts';
import { append } from './append.ts';
import { merge } from './merge.ts';
import { replace } from './replace.ts';
import { daily } from './snapshot.ts';
import type { Strategy } from './strategy.ts';

/** The strategy that the tenant file asks for. */
export function strategyOf(load: LoadSpec): Strategy {
  if (load.strategy === 'catalog') return load.history === 'daily' ? daily : replace;
  const lookback = durationSeconds(load.lookback);
  return load.mode === 'merge' ? merge(lookback, load.deletes) : append(lookback);
}
