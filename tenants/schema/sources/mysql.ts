import { z } from 'zod';
import { serverKeys } from '../server.ts';

/** What a source of this connection may name. */
export const mysqlReads = ['table', 'query'] as const;

export const mysqlConnection = z
  .strictObject({
    kind: z.literal('mysql').meta({ description: 'MySQL 8 or MariaDB 10.5, or newer.', examples: ['mysql'] }),
    ...serverKeys(3306, {
      host: '10.20.0.9',
      database: 'erp',
      user: 'etl',
      ca: 'certificates/erp.pem',
      secret: 'legacy-password',
    }),
  })
  .meta({ title: 'MySQL', description: 'A MySQL or MariaDB database.' });
