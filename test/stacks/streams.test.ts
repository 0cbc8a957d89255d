/** A tenant of streams on the real engine, from a file to the cloud and back, under the policies of production. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { idOf } from '../../stacks/provision/orphans.ts';
import { parseTenant } from '../../tenants/load.ts';
import { lines, type StackFailure } from '../cloud/outcome.ts';
import { describeWith } from '../setup/describe-with.ts';
import { Scene } from './scene.ts';

const MINUTES = 60_000;

const text = (state: string, attachment = true) => `tenant: flow
owners: [data@flow.example]
protection: {data: false}
connections:
  shop: {kind: postgres, host: 10.20.0.5, database: shop, user: datastream, secret: shop-password}
  legacy: {kind: mysql, host: 10.20.0.9, database: erp, user: datastream, secret: legacy-password}
streams:
  shop:
    kind: datastream
    connection: shop
    state: ${state}
    tables: {include: [public.orders, public.customers], exclude: [public.customers.ssn]}
    publication: tributary
    replicationSlot: tributary_flow
    ${attachment ? 'privateConnectivity: {networkAttachment: projects/net/regions/europe-west1/networkAttachments/datastream}' : ''}
  erp:
    kind: datastream
    connection: legacy
    state: ${state}
    tables: {include: ["erp.*"]}
    position: gtid
    mode: append-only
    backfill: none
    destination: {layout: schemas}
    privateConnectivity: {networkAttachment: projects/net/regions/europe-west1/networkAttachments/datastream}
  clicks:
    kind: pubsub
    columns: [{name: user_id, type: STRING, mode: REQUIRED}, {name: at, type: TIMESTAMP}]
    filter: attributes.kind = "click"
    transform: {function: clean, javascript: "function clean(message, metadata) { return message; }"}
  heavy:
    kind: pubsub
    columns: [{name: n, type: INT64}]
    transform: {runs: dataflow, function: clean, javascript: "function clean(text) { return text; }"}
`;

const types = {
  stream: 'gcp:datastream/stream:Stream',
  profile: 'gcp:datastream/connectionProfile:ConnectionProfile',
  version: 'gcp:secretmanager/secretVersion:SecretVersion',
  subscription: 'gcp:pubsub/subscription:Subscription',
} as const;

describeWith(['engine'], 'a tenant of streams', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await Scene.open();
    await (await scene.platform()).up();
  }, 3 * MINUTES);
  afterAll(() => scene.close());

  test('prepared, up, unchanged, paused, gone', { timeout: 5 * MINUTES }, async () => {
    const { cloud } = scene;
    expect(parseTenant(text('prepared'), 'flow.yaml').errors).toEqual([]);
    scene.write('flow', text('prepared'));
    const stack = await scene.tenant('flow');
    const prepared = await stack.up();
    expect(prepared.policies.filter(({ level }) => level === 'mandatory')).toEqual([]);
    expect(cloud.resources(types.profile)).toEqual([]);
    expect(cloud.resources(types.subscription)).toHaveLength(4);

    scene.write('flow', text('running'));
    await expect(stack.up()).rejects.toThrow(/versions\/1/);
    for (const { id } of cloud.resources('gcp:secretmanager/secret:Secret')) cloud.given(types.version, { secret: id });
    const up = await stack.up();
    expect(cloud.resources(types.stream).map(({ inputs }) => inputs.desiredState)).toEqual(['RUNNING', 'RUNNING']);
    expect(up.outputs.streams?.value).toMatchObject({
      clicks: { kind: 'pubsub', name: expect.stringMatching(/topics\/tributary-flow_clicks$/) },
      shop: { kind: 'datastream', name: expect.stringMatching(/streams\/trb-flow-shop-[0-9a-f]{8}$/) },
    });
    expect((await stack.preview()).steps).toEqual([]);
    const flowing = cloud.resources().filter(({ type }) => /datastream|subscription:|bigquery\/table/.test(type));
    expect(flowing).toHaveLength(4 + 2 + 2 + 2 + 4);
    for (const { type, id, inputs } of flowing)
      expect(idOf({ resource: { urn: '', type, inputs }, type: 'creating' }), type).toBe(id);
    expect(stack.stateText()).not.toMatch(/"password"/);

    scene.write('flow', text('paused'));
    expect([...lines(await stack.up())].filter((line) => line.includes('datastream')).sort()).toEqual([
      '~ gcp:datastream/stream:Stream flow-erp-stream (desiredState)',
      '~ gcp:datastream/stream:Stream flow-shop-stream (desiredState)',
    ]);

    await stack.destroy();
    expect(cloud.resources().filter(({ type }) => /datastream|subscription|pubsub\/topic/.test(type))).toEqual([]);
  });

  test('over the internet is refused before anything is made', { timeout: 3 * MINUTES }, async () => {
    scene.write('flow', text('running', false));
    const stack = await scene.tenant('flow');
    const failure: StackFailure = await stack.preview().then(
      () => expect.unreachable(),
      (error) => error,
    );
    const refused = failure.outcome.policies.filter(({ level }) => level === 'mandatory');
    expect(refused.map(({ policy, urn }) => [policy, urn?.split('::').at(-1)])).toEqual([
      ['datastream-password-ref', 'flow-shop-source'],
    ]);
  });
});
