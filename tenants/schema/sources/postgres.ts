import { z } from 'zod';
import { hostSchema, portSchema, secretNameSchema, tlsSchema } from '../scalars.ts';

/** What a source of this connection may name. */
export const postgresReads = ['table', 'query'] as const;

export const postgresConnection = z
  .strictObject({
    kind: z.literal('postgres').meta({ description: 'PostgreSQL 12 or newer.', examples: ['postgres'] }),
    /** Name, address, or the folder of a Unix socket. */
    host: hostSchema.meta({ title: 'Host', description: 'Name or address of the server.', examples: ['10.20.0.5'] }),
    port: portSchema.default(5432).meta({ title: 'Port', description: 'TCP port.', examples: [5432] }),
    database: z
      .string()
      .min(1)
      .meta({ title: 'Database', description: 'Database to read.', examples: ['shop'] }),
    user: z
      .string()
      .min(1)
      .meta({ title: 'User', description: 'A login with SELECT only.', examples: ['reader'] }),
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
        examples: ['certificates/shop.pem'],
      }),
    secret: secretNameSchema.optional().meta({
      title: 'Secret',
      description: 'Name of the secret that holds the password; absent where the server asks for none.',
      examples: ['shop-password'],
    }),
  })
  .meta({ title: 'PostgreSQL', description: 'A PostgreSQL database.' });
