/** The platform's keys: of its region, and of the multi-region of datasets. */
interface Keys {
  readonly kmsKey?: string | undefined;
  readonly datasetKey?: string | undefined;
}

/** Where Cloud KMS keeps keys for the multi-regions of BigQuery. */
const MULTI_REGIONS: Readonly<Record<string, string>> = { EU: 'europe', US: 'us' };

/** The platform's key that lies where the data lies; none where it has no such key. A key elsewhere would be refused. */
export function keyFor(location: string, { kmsKey, datasetKey }: Keys): string | undefined {
  const place = keyLocation(location);
  return [kmsKey, datasetKey].find((key) => key?.split('/')[3] === place);
}

/** @example keyLocation('EU') // 'europe' */
export function keyLocation(location: string): string {
  return MULTI_REGIONS[location] ?? location;
}
