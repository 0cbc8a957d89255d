import { z } from 'zod';
import { datasetName } from './destination.ts';
import { durationSchema, durationSeconds } from './duration.ts';

const DAY = 86_400;

const TABLE = 'must be <schema>.<table> (MySQL: <database>.<table>), or * for all tables of it';

/** Into one dataset as `<schema>_<table>`, or into a dataset for each schema. */
const destination = z
  .strictObject({
    layout: z
      .enum(['dataset', 'schemas'])
      .default('dataset')
      .meta({
        title: 'Layout',
        description:
          'dataset: all tables in one, named <schema>_<table>. schemas: a dataset for each schema, which Datastream makes.',
        examples: ['dataset'],
      }),
    dataset: datasetName
      .optional()
      .meta({ title: 'Dataset', description: 'With layout: dataset. Default: <tenant>_raw.', examples: ['acme_raw'] }),
  })
  .meta({ title: 'Destination', description: 'Where the tables land.' });

/** How Datastream reaches a server without the internet: exactly one of the keys. */
const privateConnectivity = z
  .strictObject({
    connection: z
      .string()
      .regex(
        /^projects\/[^/]+\/locations\/[^/]+\/privateConnections\/[^/]+$/,
        'must be projects/<project>/locations/<region>/privateConnections/<name>',
      )
      .optional()
      .meta({
        title: 'Connection',
        description: 'A private connection that is there already; one serves many streams.',
        examples: ['projects/acme-data-prod/locations/europe-west1/privateConnections/shop'],
      }),
    subnet: z
      .string()
      .regex(/^\d{1,3}(?:\.\d{1,3}){3}\/29$/, 'must be a free range of eight addresses, as in 10.30.0.0/29')
      .optional()
      .meta({
        title: 'Subnet',
        description: 'Makes a peering with the network of the platform; a free /29 of it.',
        examples: ['10.30.0.0/29'],
      }),
    networkAttachment: z
      .string()
      .regex(
        /^projects\/[^/]+\/regions\/[^/]+\/networkAttachments\/[^/]+$/,
        'must be projects/<project>/regions/<region>/networkAttachments/<name>',
      )
      .optional()
      .meta({
        title: 'Network attachment',
        description: 'Makes an interface of Private Service Connect in that attachment.',
        examples: ['projects/acme-net/regions/europe-west1/networkAttachments/datastream'],
      }),
  })
  .meta({ title: 'Private connectivity', description: 'How the server is reached; exactly one of the keys.' });

/** Change data capture of a PostgreSQL or MySQL connection by Datastream. */
export const datastreamStream = z
  .strictObject({
    kind: z
      .literal('datastream')
      .meta({ description: 'Changes of a database, by Datastream.', examples: ['datastream'] }),
    connection: z
      .string()
      .min(1)
      .meta({
        title: 'Connection',
        description: 'Name of a postgres or mysql entry of `connections`.',
        examples: ['shop'],
      }),
    state: z
      .enum(['prepared', 'running', 'paused'])
      .default('running')
      .meta({
        title: 'State',
        description:
          'prepared makes the secret and its grant only, until the password is stored and the server is set up; paused keeps the position.',
        examples: ['prepared'],
      }),
    tables: z
      .strictObject({
        include: z
          .array(z.string().regex(/^[^.\s]+\.(?:[^.\s]+|\*)$/, TABLE))
          .min(1, 'must name a table')
          .meta({ title: 'Include', description: 'Tables that flow.', examples: [['public.orders']] }),
        exclude: z
          .array(
            z
              .string()
              .regex(/^[^.\s]+\.[^.\s]+(?:\.[^.\s]+)?$/, 'must be <schema>.<table> or <schema>.<table>.<column>'),
          )
          .default([])
          .meta({
            title: 'Exclude',
            description: 'Tables and columns that stay where they are.',
            examples: [['public.customers.ssn']],
          }),
      })
      .meta({ title: 'Tables', description: 'What flows.', examples: [{ include: ['public.orders'] }] }),
    publication: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_$]{0,62}$/, 'must be the name of a publication')
      .optional()
      .meta({
        title: 'Publication',
        description: 'PostgreSQL: the publication of the tables.',
        examples: ['tributary'],
      }),
    replicationSlot: z
      .string()
      .regex(/^[a-z0-9_]{1,63}$/, 'must be small letters, digits and _ (63 at most)')
      .optional()
      .meta({
        title: 'Replication slot',
        description: 'PostgreSQL: the slot of this stream alone; pgoutput.',
        examples: ['tributary_acme'],
      }),
    position: z
      .enum(['gtid', 'binlog'])
      .optional()
      .meta({
        title: 'Position',
        description: 'MySQL: gtid survives a failover of the server; binlog is what MariaDB has.',
        examples: ['gtid'],
      }),
    serverCa: z
      .string()
      .regex(/^-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\s*$/, 'must be a certificate in PEM')
      .optional()
      .meta({
        title: 'Certificate authority',
        description: 'Certificate (PEM, not its path) that signs the server; Datastream then checks who answers.',
        examples: ['-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----'],
      }),
    secretVersion: z
      .int()
      .min(1)
      .default(1)
      .meta({
        title: 'Version of the secret',
        description: 'Datastream takes a numbered version of the password: raise it when the password changes.',
        examples: [2],
      }),
    privateConnectivity: privateConnectivity.optional().meta({
      title: 'Private connectivity',
      description: 'How the server is reached; the policies refuse a stream over the internet.',
      examples: [{ subnet: '10.30.0.0/29' }],
    }),
    backfill: z
      .enum(['all', 'none'])
      .default('all')
      .meta({
        title: 'Backfill',
        description: 'all: the rows that are there already come first. none: changes only.',
        examples: ['all'],
      }),
    mode: z
      .enum(['merge', 'append-only'])
      .default('merge')
      .meta({
        title: 'Mode',
        description: 'merge: the table as it is. append-only: every change as a row.',
        examples: ['merge'],
      }),
    dataFreshness: durationSchema
      .refine((value) => durationSeconds(value) <= DAY, 'must be a day at most')
      .default('15m')
      .meta({
        title: 'Freshness',
        description: 'With merge: how old a row may be when it is read; longer is cheaper.',
        examples: ['15m'],
      }),
    destination: destination.prefault({}).meta({ title: 'Destination', description: 'Where the tables land.' }),
  })
  .meta({ title: 'Change data capture', description: 'Changes of PostgreSQL or MySQL, by Datastream.' });
