/** The topic of each tenant, in the tenant's own project. */
import { GoogleAuth } from 'google-auth-library';
import type { Notice, Notifier } from '../../runner/core/contracts/notice.ts';
import { eventTopic } from '../../tenants/naming.ts';
import { type Patience, post } from './post.ts';

export interface PubsubSettings {
  readonly name: string;
  /** Project of a tenant; `null`: there is no such tenant any more, and nobody to be told. */
  readonly projectOf: (tenant: string) => Promise<string | null>;
  /** `127.0.0.1:8085` of an emulator, asked without credentials; absent: Google. */
  readonly emulator?: string;
  readonly patience?: Patience;
}

/** Google's limit for one request is 1000 messages and 10 MB. */
const MOST_MESSAGES = 100;

export function pubsub({ name, projectOf, emulator, patience }: PubsubSettings): Notifier {
  const auth = emulator === undefined ? new GoogleAuth({ scopes: 'https://www.googleapis.com/auth/pubsub' }) : null;
  const root = emulator === undefined ? 'https://pubsub.googleapis.com' : `http://${emulator}`;
  const headers = async (): Promise<Record<string, string>> =>
    auth === null ? {} : { authorization: `Bearer ${await auth.getAccessToken()}` };

  async function publish(tenant: string, notices: readonly Notice[]): Promise<void> {
    const project = await projectOf(tenant);
    if (project === null) return;
    const url = `${root}/v1/projects/${project}/topics/${eventTopic(tenant)}:publish`;
    for (let from = 0; from < notices.length; from += MOST_MESSAGES) {
      const body = JSON.stringify({ messages: notices.slice(from, from + MOST_MESSAGES).map(messageOf) });
      await post({ notifier: name, url, body, headers, ...(patience && { patience }) });
    }
  }

  return {
    name,
    async send(notices) {
      const tenants = Map.groupBy(notices, ({ tenant }) => tenant);
      const told = await Promise.allSettled([...tenants].map(([tenant, of]) => publish(tenant, of)));
      for (const answer of told) if (answer.status === 'rejected') throw answer.reason;
    },
  };
}

/** CloudEvents 1.0 in the binary mode of its binding to Pub/Sub; beside them the names that filters are written with. */
function messageOf(notice: Notice): object {
  const { id, type, time, tenant, source, runId, schemaVersion } = notice;
  return {
    data: Buffer.from(JSON.stringify(notice)).toString('base64'),
    attributes: {
      ...{ type, tenant, source, schemaVersion: `${schemaVersion}`, 'content-type': 'application/json' },
      ...{ 'ce-specversion': '1.0', 'ce-id': id, 'ce-type': `tributary.${type}`, 'ce-time': time },
      'ce-source': source === '' ? `/tenants/${tenant}` : `/tenants/${tenant}/sources/${source}`,
      ...(runId === null ? {} : { 'ce-subject': runId }),
    },
    orderingKey: `${tenant}/${source}`,
  };
}
