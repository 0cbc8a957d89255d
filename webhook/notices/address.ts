/** Where a notifier sends to. Addresses come from whoever runs the platform, never from a tenant's file or a request. */
import { TributaryError } from '../../runner/core/errors.ts';

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/**
 * @param where is said in the error; the address never is, for it may be a secret
 * @throws USAGE
 */
export function addressOf(text: string, where: string): string {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : null;
  const advice = 'It is an address that begins with https://, without a name and a password in it.';
  if (url === null) throw new TributaryError('USAGE', { reason: `${where} is no address`, advice });
  const secure = url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname));
  if (!secure) throw new TributaryError('USAGE', { reason: `${where} is not encrypted`, advice });
  if (url.username !== '' || url.password !== '') {
    throw new TributaryError('USAGE', { reason: `${where} holds a name or a password`, advice });
  }
  url.hash = '';
  return url.href;
}
