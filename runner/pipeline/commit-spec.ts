/** What a run commits, from its plan and what was read. */
import { latestView } from '../../tenants/naming.ts';
import type { SourceSpec } from '../../tenants/schema/index.ts';
import type { ReadSummary } from '../core/contracts/source.ts';
import type { CommitSpec, StageSpec } from '../core/contracts/warehouse.ts';
import { replayed } from '../strategies/replay.ts';
import { cursorOf, keyOf, outputName } from './columns.ts';
import { withoutCarrier } from './late.ts';
import { keyIsUnique, type Plan } from './plan.ts';
import { stretchOf } from './stretch.ts';

/** How this run is not the usual one. */
export interface CommitWishes {
  readonly read: ReadSummary;
  readonly seconds: Readonly<Record<string, number>>;
  readonly command: string;
  readonly yes: boolean;
  readonly backfill: boolean;
  readonly replay: boolean;
  readonly maxBytesBilled: number | null;
}

export function commitSpec(plan: Plan, stage: StageSpec, spec: SourceSpec, wishes: CommitWishes): CommitSpec {
  const { read, seconds, command, yes, backfill, replay, maxBytesBilled } = wishes;
  const cursor = cursorOf(spec);
  const key = keyOf(spec);
  const change = plan.strategy.change({
    key: key.map((name) => outputName(plan.columns, name)),
    cursor: cursor === undefined ? newestFile(plan) : outputName(plan.columns, cursor),
    keyIsUnique: keyIsUnique(plan, key),
    nullCursors: plan.nullCursors,
    snapshotDate: stage.snapshotDate ?? '',
    stretch: stretchOf(plan.window, plan.columns),
    again: backfill,
  });
  return {
    run: stage.run,
    target: plan.target,
    columns: withoutCarrier(stage.columns),
    design: plan.design,
    change: replay ? replayed(change) : change,
    schemaChanges: plan.schemaChanges,
    cursor: (replay || backfill ? plan.state?.cursor : reached(plan)) ?? null,
    ...(read.files === undefined ? {} : { files: read.files }),
    evidence: {
      strategy: plan.strategy.name,
      mode: plan.mode,
      modeReason: plan.modeReason,
      window: plan.window,
      boundProof: plan.bound === null ? null : `${plan.bound.proof}: ${plan.bound.reason}`,
      extracted: read.extracted,
      bytesExtracted: read.bytes,
      nullified: read.nullified,
      seconds,
    },
    ...(plan.strategy.dated ? { latestView: { ...plan.target, table: latestView(plan.target.table) } } : {}),
    maxDeleteRatio: spec.load.strategy === 'transactional' ? spec.load.maxDeleteRatio : 1,
    allowMassDelete: yes,
    maxBytesBilled,
    command,
  };
}

/** Where the next run begins: behind the window, or where the list of files ended. */
export function reached({ window, object, bound }: Pick<Plan, 'window' | 'object' | 'bound'>): string | undefined {
  return object.files === undefined ? window?.to : bound?.to;
}

/** Of the rows of several files with one key those of the newest file stay. */
function newestFile({ object, columns }: Plan): string | null {
  const found = object.files && columns.find(({ read }) => read.source === '_modified_at');
  return found?.column.name ?? null;
}
