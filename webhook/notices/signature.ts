/** Signatures as Standard Webhooks has them (https://www.standardwebhooks.com), version 1: HMAC with SHA-256. */
import { createHmac } from 'node:crypto';
import { TributaryError } from '../../runner/core/errors.ts';

const PREFIX = 'whsec_';
const LEAST_BYTES = 24;
const MOST_BYTES = 64;

/**
 * Keys of `whsec_…` texts, parted by space or line; the first signs and so do the others, while a secret is exchanged.
 *
 * @param where is said in the error; the value never is
 * @throws USAGE
 */
export function signingKeys(text: string, where: string): readonly Buffer[] {
  const keys = text
    .split(/\s+/)
    .filter((part) => part !== '')
    .map((part) => ({ part, key: Buffer.from(part.slice(PREFIX.length), 'base64') }));
  const whole = keys.every(
    ({ part, key }) =>
      part.startsWith(PREFIX) &&
      key.length >= LEAST_BYTES &&
      key.length <= MOST_BYTES &&
      key.toString('base64').replace(/=+$/, '') === part.slice(PREFIX.length).replace(/=+$/, ''),
  );
  if (keys.length === 0 || !whole) {
    const reason = `${where} holds no signing secret`;
    const advice = `It is ${PREFIX} and ${LEAST_BYTES} to ${MOST_BYTES} bytes in base64: echo "${PREFIX}$(openssl rand -base64 32)"`;
    throw new TributaryError('USAGE', { reason, advice });
  }
  return keys.map(({ key }) => key);
}

/** @param id without full stops: they part what is signed */
export function signatureHeaders(
  keys: readonly Buffer[],
  message: { readonly id: string; readonly at: Date; readonly body: string },
): Record<string, string> {
  const timestamp = Math.floor(message.at.getTime() / 1000);
  const sign = (key: Buffer) =>
    `v1,${createHmac('sha256', key).update(`${message.id}.${timestamp}.${message.body}`).digest('base64')}`;
  return {
    'webhook-id': message.id,
    'webhook-timestamp': `${timestamp}`,
    'webhook-signature': keys.map(sign).join(' '),
  };
}
