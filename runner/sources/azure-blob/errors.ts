/** What Blob Storage's and Entra's answers mean. */
import { withoutSecrets } from '../../core/objects/secrets.ts';
import type { WireFailure } from '../../core/objects/wire.ts';
import { LoginFailed } from './federation.ts';

interface Answer {
  readonly statusCode?: number;
  readonly code?: string;
  readonly message?: string;
  readonly details?: { readonly errorCode?: string; readonly authenticationErrorDetail?: string };
}

const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const meanings: readonly (readonly [codes: RegExp, means: WireFailure['means']])[] = [
  [/^(ContainerNotFound|ContainerBeingDeleted|ContainerDisabled)$/, 'bucket'],
  [/^(BlobNotFound|ConditionNotMet|InvalidRange|ResourceNotFound)$/, 'changed'],
  [
    /^(AuthenticationFailed|InvalidAuthenticationInfo|NoAuthenticationInformation|AccountIsDisabled|InvalidHeaderValue)$/,
    'login',
  ],
  [/^BlobArchived$/, 'archived'],
];
const CLOCK = /date header|too old|RequestDate/i;

export function azureAnswer(error: unknown): WireFailure | null {
  if (error instanceof LoginFailed)
    return { means: error.passing ? 'passing' : 'login', reason: withoutSecrets(error.message) };
  const { statusCode: status, code: named, message = '', details } = (error ?? {}) as Answer;
  if (typeof status !== 'number') return null;
  const code = details?.errorCode ?? named ?? '';
  const said = withoutSecrets(details?.authenticationErrorDetail ?? message) || 'no reason given';
  const means = meaning(code, status, said);
  return { means, reason: `${said} (${code === '' ? '' : `${code}, `}${status})` };
}

function meaning(code: string, status: number, said: string): WireFailure['means'] {
  const known = meanings.find(([codes]) => codes.test(code));
  if (known?.[1] === 'login' && CLOCK.test(said)) return 'clock';
  if (known !== undefined) return known[1];
  if (PASSING.has(status)) return 'passing';
  if (status === 401) return 'login';
  if (status === 403 || code === 'PublicAccessNotPermitted') return 'denied';
  return status === 404 || status === 412 || status === 416 ? 'changed' : 'other';
}
