/** What reads cost, before they are made. Pure. */

/**
 * US dollars for 100,000 documents: the list price of the multi-region nam5 and of eur3, the dearest of the usual places.
 * Source: cloud.google.com/firestore/pricing.
 */
const LIST_PRICE = 0.06;
const PER = 100_000;
/** A count is billed as one read for each so many entries of an index. */
const ENTRIES_PER_READ = 1000;

/** @returns TRIBUTARY_USD_PER_100K_READS where it is set, else the list price */
export function usdPerReads(environment: Readonly<Record<string, string | undefined>> = process.env): number {
  const said = environment.TRIBUTARY_USD_PER_100K_READS;
  const price = said === undefined || said === '' ? LIST_PRICE : Number(said);
  if (!Number.isFinite(price) || price < 0) throw new RangeError(`TRIBUTARY_USD_PER_100K_READS is no price: ${said}`);
  return price;
}

export interface ReadPrice {
  readonly reads: number;
  readonly usd: number;
}

/**
 * @param documents that are read
 * @param counted entries that are counted beside them
 */
export function priceOf(documents: number, counted = 0, price = usdPerReads()): ReadPrice {
  const reads = documents + Math.ceil(counted / ENTRIES_PER_READ);
  return { reads, usd: (reads / PER) * price };
}
