import { z } from 'zod';
import { budgetSchema, memberSchema, protectionSchema } from './access.ts';
import { connectionSchema } from './connection.ts';
import { emailSchema, entryNameSchema, projectSchema } from './scalars.ts';
import { sourceSchema } from './source.ts';
import { streamSchema } from './streams.ts';

/** A whole tenant file. */
export const tenantSchema = z
  .strictObject({
    /** Part of every resource name, dataset, staging path and label; equal to the name of the file. */
    tenant: z
      .string()
      .regex(/^[a-z][a-z0-9-]{1,18}$/, 'must be 2 to 19 small letters, digits and -, starting with a letter')
      .meta({
        title: 'Tenant',
        description: 'Part of every resource name; equal to the name of the file.',
        examples: ['acme'],
      }),
    displayName: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .meta({ title: 'Name', description: 'What people call the tenant.', examples: ['Acme Shop'] }),
    project: projectSchema.optional().meta({
      title: 'Project',
      description: "Google Cloud project of the tenant's data; default: the platform's.",
      examples: ['acme-data-prod'],
    }),
    location: z
      .string()
      .regex(/^(?:EU|US|[a-z]+(?:-[a-z]+)+\d+)$/, 'must be EU, US or a region')
      .default('EU')
      .meta({
        title: 'Location',
        description: 'BigQuery location of every dataset of the tenant; it cannot be changed later.',
        examples: ['EU'],
      }),
    region: z
      .string()
      .regex(/^[a-z]+(?:-[a-z]+)+\d+$/, 'must be a region')
      .default('europe-west1')
      .meta({
        title: 'Region',
        description: 'Cloud Run, Scheduler, Dataflow and secret replicas; inside `location`.',
        examples: ['europe-west1'],
      }),
    costCenter: z
      .string()
      .regex(/^[a-z0-9_-]{1,63}$/, 'must be small letters, digits, - and _ (63 at most)')
      .optional()
      .meta({
        title: 'Cost center',
        description: 'Label of every resource; filter of the budget.',
        examples: ['retail-42'],
      }),
    owners: z
      .array(emailSchema)
      .default([])
      .meta({ title: 'Owners', description: 'Addresses that get the alerts.', examples: [['data@acme.example']] }),
    budget: budgetSchema.optional().meta({
      title: 'Budget',
      description: 'Warns the owners; it does not stop anything.',
      examples: [{ monthly: 500, currency: 'EUR' }],
    }),
    members: z
      .array(memberSchema)
      .default([])
      .meta({
        title: 'Members',
        description: 'Who may do what in the API and the console.',
        examples: [[{ principal: 'group:data@acme.example', role: 'admin' }]],
      }),
    protection: protectionSchema.prefault({}).meta({ title: 'Protection', description: 'Deletion guards.' }),
    connections: z
      .record(entryNameSchema, connectionSchema)
      .default({})
      .meta({ title: 'Connections', description: 'Named once, used by many sources.' }),
    sources: z
      .record(entryNameSchema, sourceSchema)
      .default({})
      .meta({ title: 'Sources', description: 'One entry, one table of the warehouse.' }),
    streams: z
      .record(entryNameSchema, streamSchema)
      .default({})
      .meta({ title: 'Streams', description: 'What flows in by itself: no schedule, no run.' }),
  })
  .meta({ title: 'Tenant', description: 'The single source of truth of a tenant.' });

export type TenantSpec = z.infer<typeof tenantSchema>;
/** A tenant as a person writes it, before defaults. */
export type TenantInput = z.input<typeof tenantSchema>;
