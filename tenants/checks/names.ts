import { type Finding, valueFinding } from '../issues.ts';
import type { Draft } from './draft.ts';

/** The stack `platform.<env>` is the platform's, so a tenant of that name would have no stack. */
const RESERVED = new Set(['platform']);

export function* checkNames({ tenant }: Draft): Iterable<Finding> {
  if (tenant === undefined || !RESERVED.has(tenant)) return;
  const other = `${tenant}-data`;
  yield valueFinding(
    ['tenant'],
    `${tenant} is the name of what all tenants share`,
    `write another name, for example tenant: ${other}, and rename the file to ${other}.yaml`,
  );
}
