/** What jobs were billed, and the labels under which the bill shows them. */
import type { Billing } from '../core/contracts/warehouse.ts';

/** On-demand price in most locations; another contract or location has its own. */
const USD_PER_TIB = 6.25;
const TIB = 2 ** 40;
const LABEL_LENGTH = 63;

/** @throws RangeError where TRIBUTARY_USD_PER_TIB is no price. */
export function pricePerTib(environment: Readonly<Record<string, string | undefined>> = process.env): number {
  const said = environment.TRIBUTARY_USD_PER_TIB;
  if (said === undefined || said === '') return USD_PER_TIB;
  const price = Number(said);
  if (!Number.isFinite(price) || price < 0) throw new RangeError(`TRIBUTARY_USD_PER_TIB is no price: ${said}`);
  return price;
}

export function usdOf(bytes: number, price: number): number {
  return (bytes / TIB) * price;
}

/** Statistics of a job, as far as money is in them. */
export interface BilledJob {
  readonly totalSlotMs?: string | null;
  readonly query?: {
    readonly totalBytesBilled?: string | null;
    readonly totalBytesProcessed?: string | null;
    readonly totalSlotMs?: string | null;
  } | null;
}

/** Adds up what the jobs of one run were billed. */
export interface Meter {
  readonly total: Billing;
  add(job: BilledJob): void;
  reset(): void;
}

export function startMeter(price: number): Meter {
  let bytes = 0;
  let slotMs = 0;
  return {
    get total() {
      return { bytes, slotMs, usd: usdOf(bytes, price) };
    },
    add({ totalSlotMs, query }) {
      bytes += Number(query?.totalBytesBilled ?? 0);
      slotMs += Number(totalSlotMs ?? query?.totalSlotMs ?? 0);
    },
    reset() {
      bytes = 0;
      slotMs = 0;
    },
  };
}

/** What BigQuery takes as the value of a label. */
export function labelSafe(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '_')
    .slice(0, LABEL_LENGTH);
}
