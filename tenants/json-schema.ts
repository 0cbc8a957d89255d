import { z } from 'zod';
import { tenantSchema } from './schema/tenant.ts';

/** The published schema of a tenant file, as a person writes it. An editor completes and checks YAML with it. */
export function tenantJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(tenantSchema, { io: 'input', target: 'draft-7' }) };
}
