import { afterAll, beforeAll } from 'vitest';
import { warehouseSuite } from '../../contracts/warehouse.ts';
import { bigqueryDialect, type Cloud, startCloud } from '../../contracts/warehouse-bigquery.ts';
import { describeWith } from '../../setup/describe-with.ts';

describeWith(['emulators'], 'BigQuery', () => {
  let cloud: Cloud;
  beforeAll(async () => {
    cloud = await startCloud();
  });
  afterAll(() => cloud?.[Symbol.asyncDispose]());

  warehouseSuite('BigQuery', () => cloud.open(), bigqueryDialect);
});
