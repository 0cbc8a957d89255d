/**
 * Every way out, from the environment of the webhook: `TRIBUTARY_NOTIFY=pubsub,webhook:<name>,slack:<name>`. What is
 * secret (the signing secret, the address of a chat) is given by reference: a variable that Cloud Run fills from Secret
 * Manager, or the path of a file.
 */
import { readFileSync } from 'node:fs';
import type { Notice, NoticeType, Notifier } from '../../runner/core/contracts/notice.ts';
import { TributaryError } from '../../runner/core/errors.ts';
import { addressOf } from './address.ts';
import { type DigestOptions, digested } from './digest.ts';
import type { Patience } from './post.ts';
import { pubsub } from './pubsub.ts';
import { NOTICE_TYPES, TROUBLES } from './schema.ts';
import { signingKeys } from './signature.ts';
import { slack } from './slack.ts';
import { webhook } from './webhook.ts';

export interface NotifierOptions extends DigestOptions {
  /** Project of a tenant's topic; `null`: there is no such tenant. */
  readonly projectOf: (tenant: string) => Promise<string | null>;
  readonly patience?: Patience;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const ENTRY = /^(?:pubsub|(webhook|slack):([a-z][a-z0-9-]{0,30}))$/;

/** @throws USAGE, which names the variable and never its value */
export function openNotifiers(environment: Environment, options: NotifierOptions): readonly Notifier[] {
  const entries = (environment.TRIBUTARY_NOTIFY ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  const twice = entries.find((entry, n) => entries.indexOf(entry) !== n);
  if (twice !== undefined) throw new TributaryError('USAGE', { reason: `TRIBUTARY_NOTIFY names ${twice} twice` });
  return entries.map((entry) => openNotifier(entry, environment, options));
}

function openNotifier(entry: string, environment: Environment, options: NotifierOptions): Notifier {
  const { projectOf, patience } = options;
  const common = { name: entry, ...(patience && { patience }) };
  const [known, kind, name = ''] = ENTRY.exec(entry) ?? [];
  if (known === undefined) {
    const reason = `TRIBUTARY_NOTIFY has an entry that is none: "${entry}"`;
    throw new TributaryError('USAGE', { reason, advice: 'Entries are pubsub, webhook:<name> and slack:<name>.' });
  }
  if (kind === undefined) {
    const emulator = environment.PUBSUB_EMULATOR_HOST || undefined;
    const topic = pubsub({ ...common, projectOf, ...(emulator && { emulator }) });
    return only(topic, typesOf('TRIBUTARY_NOTIFY_PUBSUB_TYPES', environment, NOTICE_TYPES));
  }
  const variable = `TRIBUTARY_NOTIFY_${name.toUpperCase().replaceAll('-', '_')}`;
  const url = addressOf(given(`${variable}_URL`, environment), `${variable}_URL`);
  const wanted = typesOf(`${variable}_TYPES`, environment, kind === 'slack' ? TROUBLES : NOTICE_TYPES);
  if (kind === 'slack') return only(digested(slack({ ...common, url }), options), wanted);
  const keys = signingKeys(given(`${variable}_SECRET`, environment), `${variable}_SECRET`);
  return only(webhook({ ...common, url, keys }), wanted);
}

/** The value of a variable, or of the file that `<variable>_FILE` names. */
function given(variable: string, environment: Environment): string {
  const value = environment[variable];
  if (value) return value;
  const file = environment[`${variable}_FILE`];
  if (!file) throw new TributaryError('USAGE', { reason: `Neither ${variable} nor ${variable}_FILE is set` });
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new TributaryError('USAGE', { reason: `The file of ${variable}_FILE cannot be read (${code})` });
  }
}

function typesOf(variable: string, environment: Environment, usual: readonly NoticeType[]): ReadonlySet<NoticeType> {
  const text = environment[variable];
  if (!text) return new Set(usual);
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(NOTICE_TYPES as readonly string[]).includes(name));
  if (unknown !== undefined) {
    const advice = `It knows ${NOTICE_TYPES.join(', ')}.`;
    throw new TributaryError('USAGE', { reason: `${variable} names "${unknown}", which is no notice`, advice });
  }
  return new Set(names as NoticeType[]);
}

function only(notifier: Notifier, types: ReadonlySet<NoticeType>): Notifier {
  return {
    name: notifier.name,
    async send(notices) {
      const wanted: Notice[] = notices.filter(({ type }) => types.has(type));
      if (wanted.length > 0) await notifier.send(wanted);
    },
  };
}
