/** Orders of people and schedules → answers. */
import type { Context } from 'hono';
import type { RunKind, RunOrder } from '../../runner/core/contracts/run-order.ts';
import type { RunRecord } from '../../runner/core/contracts/run-store.ts';
import { TributaryError } from '../../runner/core/errors.ts';
import type { Accepted } from '../control/contract.ts';
import type { AppEnv, Dependencies } from '../dependencies.ts';
import { RequestProblem } from '../problem.ts';
import { callerOf } from './access.ts';

export interface Ordered {
  readonly tenant: string;
  /** Empty for what concerns no source. */
  readonly source: string;
  readonly kind: RunKind;
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly key: string | undefined;
}

/** W3C Trace Context, of the span of this request or as the caller said; anything else is no trace. */
export function traceparentOf(c: Context<AppEnv>): string | null {
  const said = c.get('traceparent') ?? c.req.header('traceparent');
  return said !== undefined && /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(said) ? said : null;
}

/** Gives the order to the control plane. @returns the run and the headers of a 202 */
export async function placeOrder(c: Context<AppEnv>, { control, store }: Dependencies, ordered: Ordered) {
  const { tenant, source, kind, key } = ordered;
  const options = Object.fromEntries(
    Object.entries(ordered.options).filter((entry): entry is [string, string | boolean] => entry[1] !== undefined),
  );
  const order: RunOrder = {
    ...{ kind, options, trigger: 'person', tick: null },
    requestedBy: callerOf(c).email,
    traceparent: traceparentOf(c),
  };
  return answer(await withHolder(store, tenant, source, control.order({ tenant, source, order }, key ?? null)));
}

export function answer({ run }: Accepted): { readonly run: RunRecord; readonly headers: { location: string } } {
  return { run, headers: { location: `/v1/runs/${run.runId}` } };
}

/** LEASE_HELD says which run is in the way. */
export async function withHolder<T>(
  store: Dependencies['store'],
  tenant: string,
  source: string,
  accepted: Promise<T>,
): Promise<T> {
  try {
    return await accepted;
  } catch (error) {
    if (!TributaryError.is(error) || error.problem.code !== 'LEASE_HELD') throw error;
    const holder = await store.holder(tenant, source);
    throw holder === null ? error : new RequestProblem(error, { holder: holder.runId });
  }
}
