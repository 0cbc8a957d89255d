/** The secrets of a tenant, from where TRIBUTARY_SECRETS says. */
import type { Secrets } from '../core/contracts/secrets.ts';
import { TributaryError } from '../core/errors.ts';
import { laptopSecrets } from './laptop.ts';
import { secretManager } from './secret-manager.ts';

export type SecretsKind = 'secret-manager' | 'laptop';

/** @throws USAGE */
export function secretsKind(text: string): SecretsKind {
  if (text === 'secret-manager' || text === 'laptop') return text;
  throw new TributaryError('USAGE', {
    reason: `Secrets are kept in no "${text}".`,
    advice: 'Set it to secret-manager or laptop.',
  });
}

export interface OpenedSecrets extends Secrets, AsyncDisposable {}

/**
 * @param project asked only where secrets lie in one
 * @param values gets each value that is read, for who keeps them out of texts
 */
export function openSecrets(
  kind: SecretsKind,
  tenant: string,
  project: () => string,
  values: Set<string>,
): OpenedSecrets {
  const managed = kind === 'secret-manager' ? secretManager({ tenant, project: project() }) : null;
  const secrets: Secrets = managed ?? laptopSecrets({ tenant });
  return {
    async get(name) {
      const value = await secrets.get(name);
      values.add(value);
      return value;
    },
    async [Symbol.asyncDispose]() {
      await managed?.[Symbol.asyncDispose]();
    },
  };
}
