/** A process that stages for the test that kills it: argument is the endpoint. */

import { openGcsStaging } from '../../../runner/staging/gcs.ts';
import { inletOf } from '../../contracts/batches.ts';
import { BUCKET, partColumns, partsSpec } from './scene.ts';

const [endpoint = '', runId = ''] = process.argv.slice(2);
const staging = await openGcsStaging({ bucket: BUCKET, tenant: 'acme', endpoint, partBytes: 1 });
const made = partsSpec(partColumns([['n', 'int64', 'INT64']]), 'parquet');
const spec = { ...made, run: { ...made.run, runId } };
const rows = Array.from({ length: 20_000 }, (_, n) => [n]);
await staging.write(spec, inletOf(spec.layout, rows), new AbortController().signal);
