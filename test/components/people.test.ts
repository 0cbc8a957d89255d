/** What a platform is told for people: who is admin, how they come in, who is told. The webhook itself reads it back. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { platformProgram } from '../../stacks/platform.ts';
import { authSettings } from '../../webhook/auth/authenticator.ts';
import { openNotifiers } from '../../webhook/notices/registry.ts';
import { type Registered, register } from './harness.ts';
import { settings } from './scene.ts';

const IAP = {
  audience: '/projects/1234567890/global/backendServices/9876543210',
  agent: 'serviceAccount:service-1234567890@gcp-sa-iap.iam.gserviceaccount.com',
};
const NOTIFICATIONS = {
  webhooks: {
    'on-call': {
      url: 'https://hooks.example.com/tributary',
      signingSecret: { secret: 'tributary-on-call', version: '2' },
      types: ['run.failed', 'run.refused'],
    },
  },
  chats: { data: { urlSecret: { secret: 'tributary-chat', version: '1' } } },
  topicTypes: ['run.landed'],
};
/** What Cloud Run puts in the place of a reference. */
const VALUES: Readonly<Record<string, string>> = {
  'tributary-on-call/2': `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
  'tributary-chat/1': 'https://hooks.slack.com/services/T/B/x',
};

type Env = { name: string; value?: string; valueSource?: { secretKeyRef: { secret: string; version: string } } };

const platformWith = (more: object) => register(() => platformProgram({ ...settings, ...more }));

function webhookOf(resources: readonly Registered[]) {
  const found = resources.find(({ type }) => type === 'gcp:cloudrunv2/service:Service');
  if (found === undefined) throw new Error('no webhook');
  const { containers } = found.inputs.template as { containers: [{ envs: Env[] }] };
  const values = containers[0].envs.map(({ name, value, valueSource }) => {
    const { secret = '', version = '' } = valueSource?.secretKeyRef ?? {};
    return [name, value ?? VALUES[`${secret}/${version}`]] as const;
  });
  return { ...found, envs: containers[0].envs, environment: Object.fromEntries(values) };
}

describe('people', () => {
  it('come in as the webhook understands it', async () => {
    const resources = await platformWith({
      admins: ['ada@example.com', 'domain:example.com'],
      ...{ peopleAudience: 'client.apps.googleusercontent.com', iap: IAP, publicUrl: 'https://tributary.example.com' },
    });
    const { environment, inputs } = webhookOf(resources);
    expect(authSettings(environment)).toMatchObject({
      admins: ['user:ada@example.com', 'domain:example.com'],
      peopleAudience: 'client.apps.googleusercontent.com',
      iapAudience: IAP.audience,
    });
    expect(environment.TRIBUTARY_PUBLIC_URL).toBe('https://tributary.example.com');
    // Through the load balancer that asks who they are; never directly.
    expect(inputs).toMatchObject({ ingress: 'INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER', invokerIamDisabled: false });
    const invokers = resources.filter(({ inputs: { role } }) => role === 'roles/run.invoker');
    expect(invokers.map(({ inputs: { member } }) => member)).toContain(IAP.agent);
  });

  it('stay out where nobody lets them in', async () => {
    const resources = await platformWith({});
    const { environment, inputs } = webhookOf(resources);
    expect(inputs.ingress).toBe('INGRESS_TRAFFIC_INTERNAL_ONLY');
    const { admins, peopleAudience, iapAudience } = authSettings(environment);
    expect([admins, peopleAudience, iapAudience]).toEqual([[], undefined, undefined]);
    expect(environment.TRIBUTARY_NOTIFY).toBe('pubsub');
    expect(Object.keys(environment).filter((name) => /OTEL|PUBLIC/.test(name))).toEqual([]);
  });
});

describe('notifications', () => {
  it('are set so that the webhook opens every way out, and no secret is in a variable', async () => {
    const resources = await platformWith({ notifications: NOTIFICATIONS });
    const { environment, envs, dependsOn } = webhookOf(resources);
    expect(environment.TRIBUTARY_NOTIFY).toBe('pubsub,webhook:on-call,slack:data');
    const notifiers = openNotifiers(environment, { projectOf: async () => 'acme-data' });
    expect(notifiers.map(({ name }) => name)).toEqual(['pubsub', 'webhook:on-call', 'slack:data']);
    const references = envs.filter(({ valueSource }) => valueSource !== undefined).map(({ name }) => name);
    expect(references).toEqual(['TRIBUTARY_NOTIFY_ON_CALL_SECRET', 'TRIBUTARY_NOTIFY_DATA_URL']);
    // Cloud Run looks whether it may read them when it deploys.
    const granted = resources.filter(({ type }) => type.includes('secretIamMember'));
    expect(granted.map(({ inputs: { secretId, role } }) => [secretId, role])).toEqual([
      ['tributary-chat', 'roles/secretmanager.secretAccessor'],
      ['tributary-on-call', 'roles/secretmanager.secretAccessor'],
    ]);
    expect(dependsOn).toEqual(expect.arrayContaining(granted.map(({ urn }) => urn)));
  });

  it.each([
    [{ webhooks: { 'On Call': NOTIFICATIONS.webhooks['on-call'] } }, 'On Call is no name'],
    [{ chats: { pubsub: NOTIFICATIONS.chats.data } }, 'pubsub is no name'],
    [
      { webhooks: { data: { ...NOTIFICATIONS.webhooks['on-call'] } }, chats: { data: NOTIFICATIONS.chats.data } },
      'data is notified twice',
    ],
    [
      { webhooks: { data: { ...NOTIFICATIONS.webhooks['on-call'], url: 'http://hooks.example.com' } } },
      'the address of data is no https:// one',
    ],
  ])('that can never be right are refused before anything is made: %o', async (notifications, message) => {
    await expect(platformWith({ notifications })).rejects.toThrow(message);
  });
});

it('the heap of the webhook leaves room in its container', async () => {
  const { environment } = webhookOf(await platformWith({ otlpEndpoint: 'https://otel.example.com' }));
  expect(environment.NODE_OPTIONS).toBe('--max-old-space-size=256 --max-semi-space-size=4');
  expect(environment.OTEL_EXPORTER_OTLP_ENDPOINT).toBe('https://otel.example.com');
});

it('the settings that docs/stacks.md shows are taken', async () => {
  const [, yaml = ''] = /```yaml\n(config:[\s\S]*?)```/.exec(readFileSync('docs/stacks.md', 'utf8')) ?? [];
  const { config } = parse(yaml) as { config: Record<string, unknown> };
  const shown = Object.entries(config).map(([name, value]) => [name.replace('tributary:', ''), value]);
  const { environment } = webhookOf(await platformWith(Object.fromEntries(shown)));
  expect(Object.keys(environment)).toEqual(
    expect.arrayContaining([
      ...['TRIBUTARY_ADMINS', 'TRIBUTARY_PEOPLE_AUDIENCE', 'TRIBUTARY_IAP_AUDIENCE', 'TRIBUTARY_PUBLIC_URL'],
      ...['TRIBUTARY_NOTIFY_ON_CALL_SECRET', 'TRIBUTARY_NOTIFY_DATA_URL', 'TRIBUTARY_NOTIFY_PUBSUB_TYPES'],
    ]),
  );
});
