/** The part of the catalogue that is about what a person configures. */
import type { Entry } from './catalogue.ts';

export const tenantEntries = {
  TENANT_INVALID: {
    title: 'The tenant file is not valid.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.file} has ${f.count} error(s).`,
    fix: (f) => `Run: tributary check ${f.file}`,
  },
  TENANT_NOT_FOUND: {
    title: 'There is no such tenant.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.tenants} holds no ${f.tenant}.yaml.${f.known ? ` It holds: ${f.known}.` : ''}`,
    fix: () => 'Name one of these, point --tenants at another folder, or create one: tributary init',
  },
  SOURCE_NOT_FOUND: {
    title: 'The tenant has no such source.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `Tenant ${f.tenant} has no ${f.what ?? 'source'} "${f.source}". It has: ${f.known}.`,
    fix: () => 'Name one of these, or add it to the tenant file.',
  },
  SECRET_MISSING: {
    title: 'A secret has no value.',
    origin: 'tenant',
    retryable: false,
    detail: (f) =>
      `Connection ${f.connection} needs the secret "${f.secret}", which ${f.state ?? `is neither in the environment nor in ${f.store}`}.`,
    fix: (f) =>
      f.advice
        ? `${f.advice}`
        : `Run: tributary secret set ${f.tenant} ${f.secret}${f.variable ? `   (or export ${f.variable})` : ' --secrets secret-manager'}`,
  },
  SECRET_FORBIDDEN: {
    title: 'A secret may not be used by this account.',
    origin: 'tenant',
    retryable: false,
    detail: (f) =>
      `Secret Manager refuses ${f.secret} of project ${f.project}: the account lacks ${f.role}, or the secret is not there.`,
    fix: (f) =>
      `Name the secret in the tenant file, then bring the stack up: tributary up ${f.tenant}. The right may take minutes to hold.`,
  },
  SECRET_UNAVAILABLE: {
    title: 'Secret Manager does not answer.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `${f.secret} of project ${f.project}: ${f.reason}.`,
    fix: () => 'Run it again; if it stays so, look at the status of Google Cloud.',
  },
  SECRET_STORE_EXPOSED: {
    title: 'Others can read the secrets file.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.store} has mode ${f.mode}.`,
    fix: (f) => `chmod 600 ${f.store}`,
  },
  CONNECTOR_MISSING: {
    title: 'This kind of source cannot be read yet.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `Connection ${f.connection} is of kind ${f.kind}; this version reads: ${f.known}.`,
    fix: () => 'Use one of these kinds, or a newer version of Tributary.',
  },
  WAREHOUSE_PROJECT_MISSING: {
    title: 'No Google Cloud project is named.',
    origin: 'tenant',
    retryable: false,
    detail: (f) =>
      `--warehouse bigquery names none, ${f.tenant}.yaml has no "project", and GOOGLE_CLOUD_PROJECT is not set.`,
    fix: (f) => `Write project: <id> into ${f.tenant}.yaml, or --warehouse bigquery:<id>`,
  },
} satisfies Record<string, Entry>;
