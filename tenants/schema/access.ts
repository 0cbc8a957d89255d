import { z } from 'zod';

/** Who may do what in the API and the console. */
export const memberSchema = z
  .strictObject({
    principal: z
      .string()
      .regex(
        /^(?:user|group|serviceAccount|domain):\S+$/,
        'must be user:, group:, serviceAccount: or domain: and a name',
      )
      .meta({
        title: 'Principal',
        description: 'As IAM writes it. A `group:` has no rights until a directory of groups is connected.',
        examples: ['user:ada@acme.example'],
      }),
    role: z.enum(['viewer', 'operator', 'admin']).meta({
      title: 'Role',
      description: 'viewer reads, operator runs and cancels, admin changes the configuration.',
      examples: ['viewer'],
    }),
  })
  .meta({ title: 'Member', description: 'Who may do what in the API and the console.' });

/** Money a month before the owners are warned; it warns, it does not stop. */
export const budgetSchema = z
  .strictObject({
    monthly: z
      .number()
      .positive()
      .meta({ title: 'Monthly', description: 'Whole units of the currency.', examples: [500] }),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'must be three capital letters (ISO 4217)')
      .default('EUR')
      .meta({ title: 'Currency', description: 'ISO 4217, that of the billing account.', examples: ['EUR'] }),
  })
  .meta({ title: 'Budget', description: 'Warns the owners; it does not stop anything.' });

/** What a destroy may not take with it. */
export const protectionSchema = z
  .strictObject({
    data: z
      .boolean()
      .default(true)
      .meta({
        title: 'Data',
        description: "Datasets of rows and evidence, secrets and the runner's account are kept.",
        examples: [true],
      }),
    compute: z
      .boolean()
      .default(false)
      .meta({ title: 'Compute', description: 'Jobs and schedules are kept.', examples: [false] }),
  })
  .meta({ title: 'Protection', description: 'Deletion guards.' });

export type MemberSpec = z.infer<typeof memberSchema>;
export type BudgetSpec = z.infer<typeof budgetSchema>;
export type ProtectionSpec = z.infer<typeof protectionSchema>;
