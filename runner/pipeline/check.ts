/** Everything that must hold before rows become visible. */
import { durationSeconds } from '../../tenants/schema/duration.ts';
import type { QualitySpec, SourceSpec } from '../../tenants/schema/index.ts';
import type { ReadSummary } from '../core/contracts/source.ts';
import type { QualityResult, QualityTest, Staged } from '../core/contracts/warehouse.ts';
import { TributaryError } from '../core/errors.ts';
import { type MappedColumn, outputName } from './columns.ts';
import type { Plan } from './plan.ts';

/** @throws COUNT_MISMATCH, QUARANTINE_OVERFLOW */
export function checkCounts(summary: ReadSummary, staged: Staged, spec: SourceSpec): void {
  const quarantined = staged.rejected + staged.uncastable;
  const { maxRows, maxRatio } = spec.quarantine;
  const limit = Math.min(maxRows, Math.floor(maxRatio * summary.extracted));
  if (quarantined > limit) {
    throw new TributaryError('QUARANTINE_OVERFLOW', {
      rows: quarantined,
      total: summary.extracted,
      limit,
      reason: staged.frequentReason ?? 'unknown',
    });
  }
  if (summary.extracted !== staged.rows + quarantined) {
    throw new TributaryError('COUNT_MISMATCH', {
      extracted: summary.extracted,
      staged: staged.rows,
      rejected: quarantined,
    });
  }
}

/** @throws BRAKE_EMPTY, BRAKE_SHRINK where a whole snapshot is suspiciously small */
export function checkSize(plan: Plan, rows: number, spec: SourceSpec, command: string): void {
  const before = plan.before?.rows ?? 0;
  if (!plan.strategy.whole || plan.strategy.dated || before === 0) return;
  const table = `${plan.target.dataset}.${plan.target.table}`;
  if (rows === 0) throw new TributaryError('BRAKE_EMPTY', { table, rows: before, command });
  const ratio = spec.load.strategy === 'catalog' ? spec.load.shrinkRatio : 0;
  if (rows < before * ratio)
    throw new TributaryError('BRAKE_SHRINK', { rows, before, table, limit: `${ratio} of it`, command });
}

/** The tenant file's tests with the destination's names. */
export function qualityTests(spec: SourceSpec, mapped: readonly MappedColumn[]): QualityTest[] {
  return spec.quality.map((test): QualityTest => {
    const named =
      'column' in test && test.column !== undefined ? { ...test, column: outputName(mapped, test.column) } : test;
    if (named.test !== 'freshness') return named as QualityTest;
    return {
      test: 'freshness',
      column: named.column,
      withinSeconds: durationSeconds((named as Extract<QualitySpec, { test: 'freshness' }>).within),
    };
  });
}

/** What a freshness test found too old, in words; `null`: nothing. */
export function lateness(results: readonly QualityResult[]): string | null {
  const late = results.filter(({ test, passed }) => test.test === 'freshness' && !passed);
  return late.length === 0 ? null : `The source is late: ${late.map(({ found }) => found).join('; ')}.`;
}

/** @throws QUALITY_FAILED */
export function checkQuality(results: readonly QualityResult[]): void {
  const broken = results.filter(({ passed }) => !passed);
  const [first] = broken;
  if (first === undefined) return;
  const name = ({ test }: QualityResult) => ('column' in test ? `${test.test} of ${test.column}` : test.test);
  throw new TributaryError('QUALITY_FAILED', {
    test: broken.map(name).join(', '),
    reason: broken.map(({ found }) => found).join('; '),
  });
}
