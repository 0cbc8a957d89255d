/** Whom the webhook tells, as variables of its container. Pure. */
import type { SecretVersionArgs } from './secret-version.ts';

/** Who is told of runs, beside the topic of each tenant. */
export interface NotificationsArgs {
  /** Programs behind HTTPS, by a name of your own: small letters, digits and -. */
  webhooks?: Record<string, WebhookTargetArgs>;
  /** Chats that take incoming webhooks as Slack has them, by a name of your own. */
  chats?: Record<string, ChatTargetArgs>;
  /** Notices that the topics get; default: all. @example ["run.landed"] */
  topicTypes?: string[];
}

/** A program that gets each notice as a signed POST. */
export interface WebhookTargetArgs {
  /** Where to; https only. @example "https://hooks.example.com/tributary" */
  url: string;
  /** What signs: `whsec_` and 24 to 64 bytes in base64. */
  signingSecret: SecretVersionArgs;
  /** Notices that it gets; default: all. @example ["run.failed"] */
  types?: string[];
}

/** A chat. */
export interface ChatTargetArgs {
  /** Its address, which is a secret: whoever has it may write. */
  urlSecret: SecretVersionArgs;
  /** Notices that it gets; default: those that say that something is wrong. @example ["run.failed", "schedule.missed"] */
  types?: string[];
}

/** A variable of a container: a value, or where Cloud Run takes it from when an instance starts. */
export type Variable =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly valueSource: { readonly secretKeyRef: SecretVersionArgs } };

const NAME = /^[a-z][a-z0-9-]{0,30}$/;

/** @throws RangeError where a name or an address can never be right; what is left the webhook checks at its start. */
export function notificationVariables({ webhooks = {}, chats = {}, topicTypes }: NotificationsArgs): Variable[] {
  const names = [...Object.keys(webhooks), ...Object.keys(chats)];
  for (const name of names) {
    if (!NAME.test(name) || name === 'pubsub')
      throw new RangeError(`${name} is no name to notify: small letters, digits and -, and not "pubsub"`);
    if (names.filter((other) => other === name).length > 1) throw new RangeError(`${name} is notified twice`);
  }
  const entries = [
    'pubsub',
    ...Object.keys(webhooks).map((name) => `webhook:${name}`),
    ...Object.keys(chats).map((name) => `slack:${name}`),
  ];
  return [
    { name: 'TRIBUTARY_NOTIFY', value: entries.join(',') },
    ...typesOf('TRIBUTARY_NOTIFY_PUBSUB', topicTypes),
    ...Object.entries(webhooks).flatMap(([name, { url, signingSecret, types }]) => [
      { name: `${variableOf(name)}_URL`, value: httpsOnly(name, url) },
      fromSecret(`${variableOf(name)}_SECRET`, signingSecret),
      ...typesOf(variableOf(name), types),
    ]),
    ...Object.entries(chats).flatMap(([name, { urlSecret, types }]) => [
      fromSecret(`${variableOf(name)}_URL`, urlSecret),
      ...typesOf(variableOf(name), types),
    ]),
  ];
}

/** Secrets that the webhook must be let into, sorted. */
export function notificationSecrets({ webhooks = {}, chats = {} }: NotificationsArgs): string[] {
  const signing = Object.values(webhooks).map(({ signingSecret }) => signingSecret.secret);
  const addresses = Object.values(chats).map(({ urlSecret }) => urlSecret.secret);
  return [...new Set([...signing, ...addresses])].sort();
}

function variableOf(name: string): string {
  return `TRIBUTARY_NOTIFY_${name.toUpperCase().replaceAll('-', '_')}`;
}

function typesOf(variable: string, types: readonly string[] | undefined): Variable[] {
  return types === undefined ? [] : [{ name: `${variable}_TYPES`, value: types.join(',') }];
}

function fromSecret(name: string, { secret, version }: SecretVersionArgs): Variable {
  return { name, valueSource: { secretKeyRef: { secret, version } } };
}

function httpsOnly(name: string, url: string): string {
  if (URL.parse(url)?.protocol === 'https:') return url;
  throw new RangeError(`the address of ${name} is no https:// one`);
}
