import { basename } from 'node:path';
import { type Finding, valueFinding } from '../issues.ts';
import type { Draft } from './draft.ts';

/** Regions in Europe that hold no data of the location EU. */
const OUTSIDE_EU = new Set(['europe-west2', 'europe-west6']);

export function* checkPlace({ tenant, location, region, file, data }: Draft): Iterable<Finding> {
  const named = /^(.+)\.ya?ml$/.exec(basename(file))?.[1];
  if (tenant !== undefined && named !== undefined && tenant !== named) {
    yield valueFinding(
      ['tenant'],
      `the tenant is ${tenant}, its file ${basename(file)}`,
      `write tenant: ${named}, or rename the file to ${tenant}.yaml`,
    );
  }
  if (location === undefined || region === undefined || meets(location, region)) return;
  const near = location === 'EU' ? 'europe-west1' : location === 'US' ? 'us-central1' : location;
  const at = 'region' in data ? 'region' : 'location';
  const whole =
    region.startsWith('europe-') && !OUTSIDE_EU.has(region) ? 'EU' : region.startsWith('us-') ? 'US' : region;
  yield valueFinding(
    [at],
    `region ${region} and location ${location} cannot meet`,
    `write region: ${near}, or location: ${whole}`,
  );
}

/** Whether a region lies inside a BigQuery location. */
export function meets(location: string, region: string): boolean {
  if (location === 'EU') return region.startsWith('europe-') && !OUTSIDE_EU.has(region);
  return location === 'US' ? region.startsWith('us-') : location === region;
}
