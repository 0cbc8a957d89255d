/** The suite of every warehouse, and the round trip, in a real project. Started by `npm run live` only. */
import { describe } from 'vitest';
import { openClient } from '../../runner/bigquery/client.ts';
import { openGcsStaging } from '../../runner/staging/gcs.ts';
import { openBigquery } from '../../runner/warehouses/bigquery/warehouse.ts';
import { warehouseSuite } from '../contracts/warehouse.ts';
import { TENANT } from '../contracts/warehouse-bench.ts';
import { bigqueryDialect } from '../contracts/warehouse-bigquery.ts';
import { liveSessionOf } from './environment.ts';
import { apart, limited, stopAtBudget } from './limit.ts';
import { emptyPlace } from './place.ts';
import { roundTripTests } from './round-trip.ts';

const { project, location, budget, names } = liveSessionOf();
if (TENANT !== names.tenant) throw new Error(`the suite is about ${TENANT}, the session about ${names.tenant}`);
const started = Date.now();
let tests = 0;
const api = openClient({ project, location });

async function open() {
  await stopAtBudget(api, names.tenant, started, budget);
  await emptyPlace(api, names);
  return openBigquery({
    project,
    location,
    tenant: names.tenant,
    labels: { tenant: names.tenant, purpose: 'live' },
    staging: await openGcsStaging({ bucket: names.bucket, tenant: names.tenant }),
    wrap: (client) => apart(limited(client, budget), `t${++tests}`),
  });
}

warehouseSuite('BigQuery, live', open, bigqueryDialect);

describe('BigQuery, live: round trip', () => {
  roundTripTests(open, bigqueryDialect);
});
