/** A platform with Dataflow, and one for people, on the real engine, under the policies of production. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lines } from '../cloud/outcome.ts';
import { describeWith } from '../setup/describe-with.ts';
import { Scene } from './scene.ts';

const MINUTES = 60_000;
const image = (digit: string) =>
  `europe-west1-docker.pkg.dev/tributary-dev/tributary/dataflow@sha256:${''.padEnd(64, digit)}`;
const PEOPLE = {
  'tributary:admins': ['ada@example.com'],
  'tributary:iap': {
    audience: '/projects/1234567890/global/backendServices/9876543210',
    agent: 'serviceAccount:service-1234567890@gcp-sa-iap.iam.gserviceaccount.com',
  },
  'tributary:publicUrl': 'https://tributary.example.com',
  'tributary:otlpEndpoint': 'https://otel.example.com',
};
const TENANT = `tenant: acme
owners: [data@acme.example]
connections:
  shop: {kind: postgres, host: db, database: shop, user: reader, secret: shop-password}
sources:
  orders: {connection: shop, table: orders, load: {strategy: catalog}, execution: {tasks: 4}, columns: {mask: {email: hmac-sha256}}}
`;

describeWith(['engine'], 'a platform with everything that is optional', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await Scene.open();
    scene.write('acme', TENANT);
  });
  afterAll(() => scene.close());

  const templates = () =>
    scene.cloud
      .resources()
      .map(({ id }) => id)
      .filter((id) => id.includes('_templates/'))
      .sort();

  test('keeps each template for the runs that began with it', { timeout: 3 * MINUTES }, async () => {
    const platform = async (digit: string) =>
      (await scene.platform({ ...PEOPLE, 'tributary:dataflowImage': image(digit) })).up();
    await platform('a');
    const stack = await scene.tenant('acme');
    await stack.up();
    const before = templates();
    expect(before).toHaveLength(1);
    await platform('b');
    expect(lines(await stack.up()).toSorted()).toEqual([
      'create-replacement gcp:storage/bucketObject:BucketObject acme-dataflow-template (content, name)',
      'delete-replaced gcp:storage/bucketObject:BucketObject acme-dataflow-template',
      expect.stringMatching(
        /^~ gcp:cloudrunv2\/job:Job acme-job \(template\.template\.containers\[0\]\.envs\[\d+\]\.value\)$/,
      ),
      '± gcp:storage/bucketObject:BucketObject acme-dataflow-template (content, name)',
    ]);
    expect(templates()).toHaveLength(2);
    expect(templates()).toEqual(expect.arrayContaining(before));
  });
});
