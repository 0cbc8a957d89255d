/** What the process of a runner is told by its environment; everything else it asks the webhook. */
import { TributaryError } from '../core/errors.ts';
import { budgetOf } from '../core/retry.ts';
import { type SecretsKind, secretsKind } from '../secrets/open.ts';

export interface RunnerSettings {
  readonly url: string;
  /** Of the ID token for the webhook; `null` where it asks for none, as on a laptop. */
  readonly audience: string | null;
  readonly tenant: string;
  readonly run: string;
  /** W3C Trace Context of who launched it. */
  readonly traceparent: string | null;
  /** As `--warehouse` of the command line. */
  readonly warehouse: string;
  readonly secrets: SecretsKind;
  /** Whether this machine may deploy stacks. */
  readonly deploys: boolean;
  /** Folder of the tenant files, for a deployment. */
  readonly tenants: string;
  /** How long a webhook that is away is waited for where the run cannot go on, or is over. */
  readonly patienceMs: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws USAGE */
export function runnerSettings(env: Environment = process.env): RunnerSettings {
  const required = (name: string): string => {
    const value = env[name];
    if (value) return value;
    throw wrong(`${name} is not set.`, 'A runner is started by the webhook. By hand: tributary run <tenant> <source>');
  };
  const url = required('TRIBUTARY_WEBHOOK_URL');
  const asked = env.TRIBUTARY_WEBHOOK_AUTH !== 'none';
  if (!isSafe(url)) throw wrong('TRIBUTARY_WEBHOOK_URL is no https:// address, nor an http:// one of this machine.');
  return {
    url,
    audience: asked ? required('TRIBUTARY_WEBHOOK_AUDIENCE') : null,
    tenant: required('TRIBUTARY_TENANT'),
    run: required('TRIBUTARY_RUN_ID'),
    traceparent: env.TRACEPARENT || null,
    warehouse: env.TRIBUTARY_WAREHOUSE || 'bigquery',
    secrets: secretsKind(env.TRIBUTARY_SECRETS || 'secret-manager'),
    deploys: Boolean(env.TRIBUTARY_DEPLOYER),
    tenants: env.TRIBUTARY_TENANTS || 'tenants',
    patienceMs: budgetOf(env).seconds * 1000,
  };
}

/** A token goes over no wire that others can read. */
function isSafe(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return false;
  return (
    url.protocol === 'https:' || (url.protocol === 'http:' && /^(127(\.\d+){3}|localhost|\[::1\])$/.test(url.hostname))
  );
}

function wrong(reason: string, advice?: string): TributaryError {
  return new TributaryError('USAGE', { reason, advice });
}
