import { z } from 'zod';
import { serverKeys } from '../server.ts';

/** What a source of this connection may name. */
export const postgresReads = ['table', 'query'] as const;

/** The host may also be the folder of a Unix socket. */
export const postgresConnection = z
  .strictObject({
    kind: z.literal('postgres').meta({ description: 'PostgreSQL 12 or newer.', examples: ['postgres'] }),
    ...serverKeys(5432, {
      host: '10.20.0.5',
      database: 'shop',
      user: 'reader',
      ca: 'certificates/shop.pem',
      secret: 'shop-password',
    }),
  })
  .meta({ title: 'PostgreSQL', description: 'A PostgreSQL database.' });
