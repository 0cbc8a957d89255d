/** A program somewhere: each notice is a signed POST of its own. */
import type { Notice, Notifier } from '../../runner/core/contracts/notice.ts';
import { type Patience, post } from './post.ts';
import { signatureHeaders } from './signature.ts';

export interface WebhookSettings {
  readonly name: string;
  readonly url: string;
  readonly keys: readonly Buffer[];
  readonly patience?: Patience;
}

/** Of one address at once. */
const AT_ONCE = 4;

export function webhook({ name, url, keys, patience }: WebhookSettings): Notifier {
  const deliver = async (notice: Notice): Promise<void> => {
    const body = JSON.stringify(notice);
    const id = webhookId(notice);
    const headers = () => signatureHeaders(keys, { id, at: new Date(), body });
    await post({ notifier: name, url, body, headers, ...(patience && { patience }) });
  };
  return {
    name,
    async send(notices) {
      const queue = [...notices];
      const errors: unknown[] = [];
      const work = async () => {
        for (let notice = queue.shift(); notice !== undefined; notice = queue.shift()) {
          await deliver(notice).catch((error: unknown) => {
            errors.push(error);
            // The others would meet the same.
            queue.length = 0;
          });
        }
      };
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, work));
      if (errors.length > 0) throw errors[0];
    },
  };
}

/** A full stop may not be in it: it parts what is signed. */
export function webhookId({ id }: Notice): string {
  return id.replaceAll('.', '_');
}
