import { z } from 'zod';
import { hostSchema, portSchema, secretNameSchema, tlsSchema } from '../scalars.ts';

/** What a source of this connection may name. */
export const mysqlReads = ['table', 'query'] as const;

export const mysqlConnection = z
  .strictObject({
    kind: z.literal('mysql').meta({ description: 'MySQL 8 or MariaDB 10.5, or newer.', examples: ['mysql'] }),
    /** Name or address. */
    host: hostSchema.meta({ title: 'Host', description: 'Name or address of the server.', examples: ['10.20.0.9'] }),
    port: portSchema.default(3306).meta({ title: 'Port', description: 'TCP port.', examples: [3306] }),
    database: z
      .string()
      .min(1)
      .meta({ title: 'Database', description: 'Database to read.', examples: ['erp'] }),
    user: z
      .string()
      .min(1)
      .meta({ title: 'User', description: 'A login with SELECT only.', examples: ['etl'] }),
    tls: tlsSchema.default('prefer').meta({
      title: 'TLS',
      description: 'How the connection is encrypted and whether the server must prove who it is.',
      examples: ['verify-full'],
    }),
    ca: z
      .string()
      .min(1)
      .optional()
      .meta({
        title: 'Certificate authority',
        description: 'Path of a PEM file that signs the server.',
        examples: ['certificates/erp.pem'],
      }),
    secret: secretNameSchema.optional().meta({
      title: 'Secret',
      description: 'Name of the secret that holds the password; absent where the server asks for none.',
      examples: ['legacy-password'],
    }),
  })
  .meta({ title: 'MySQL', description: 'A MySQL or MariaDB database.' });
