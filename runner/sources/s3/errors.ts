/** What S3's and STS's answers mean. */
import { withoutSecrets } from '../../core/objects/secrets.ts';
import type { WireFailure } from '../../core/objects/wire.ts';
import { LoginFailed } from './credentials.ts';

interface Answer {
  readonly name?: string;
  readonly message?: string;
  readonly Code?: string;
  readonly Region?: string;
  readonly BucketRegion?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

const PASSING_STATUS: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const meanings: readonly (readonly [codes: RegExp, means: WireFailure['means']])[] = [
  [/^(RequestTimeTooSkewed|RequestExpired)$/, 'clock'],
  [
    /^(SlowDown|RequestTimeout|InternalError|ServiceUnavailable|Throttling\w*|RequestLimitExceeded|IDPCommunicationError)$/,
    'passing',
  ],
  [
    /^(InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken(Exception)?|InvalidToken|TokenRefreshRequired|InvalidIdentityToken(Exception)?|IDPRejectedClaim(Exception)?|AccountProblem|NotSignedUp|CredentialsProviderError)$/,
    'login',
  ],
  [/^NoSuchBucket$/, 'bucket'],
  [/^(PermanentRedirect|TemporaryRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException)$/, 'region'],
  [/^(InvalidObjectState)$/, 'archived'],
  [/^(NoSuchKey|NotFound|PreconditionFailed|InvalidRange|NoSuchVersion)$/, 'changed'],
];
const STS_REFUSAL = /AssumeRole/;

export function s3Answer(error: unknown): WireFailure | null {
  if (error instanceof LoginFailed) return { means: 'login', reason: withoutSecrets(error.message) };
  const { name = '', message = '', Code = '', Region, BucketRegion, $metadata, $response } = (error ?? {}) as Answer;
  const status = $metadata?.httpStatusCode;
  if (status === undefined) return null;
  const code = Code || name;
  const region = Region ?? BucketRegion ?? $response?.headers?.['x-amz-bucket-region'];
  const reason = `${withoutSecrets(message) || code || 'no reason given'} (${code === message ? '' : `${code}, `}${status})`;
  return { means: meaning(code, status, message), reason, ...(region === undefined ? {} : { region }) };
}

function meaning(code: string, status: number, message: string): WireFailure['means'] {
  const known = meanings.find(([codes]) => codes.test(code));
  if (known !== undefined) return known[1];
  if (PASSING_STATUS.has(status)) return 'passing';
  if (status === 301 || status === 307) return 'region';
  if (STS_REFUSAL.test(message)) return 'login';
  if (status === 401) return 'login';
  if (status === 403) return 'denied';
  return status === 404 || status === 412 || status === 416 ? 'changed' : 'other';
}
