import { z } from 'zod';
import { protectSchema } from './protect.ts';
import { secretNameSchema } from './scalars.ts';

/** Without scheme, port or user: those have keys of their own. */
const hostSchema = z
  .string()
  .regex(/^[^\s:@?]+$|^[0-9a-f:]+$/i, 'must be a host name or an address alone, without scheme, port or user');

/** `disable` never encrypts; `prefer` does when the server can; `require` always; `verify-ca` and `verify-full` check who answers. */
const tlsSchema = z.enum(['disable', 'prefer', 'require', 'verify-ca', 'verify-full']);

/** What a form and the reference show for one kind of server. */
interface ServerExamples {
  readonly host: string;
  readonly database: string;
  readonly user: string;
  readonly ca: string;
  readonly secret: string;
}

/** The keys of a connection to a database server: where it is, who logs in, and how both are kept safe. */
export function serverKeys(port: number, examples: ServerExamples) {
  return {
    host: hostSchema.meta({
      title: 'Host',
      description: 'Name or address of the server.',
      examples: [examples.host],
    }),
    port: z
      .int()
      .min(1)
      .max(65_535)
      .default(port)
      .meta({ title: 'Port', description: 'TCP port.', examples: [port] }),
    database: z
      .string()
      .min(1)
      .meta({ title: 'Database', description: 'Database to read.', examples: [examples.database] }),
    user: z
      .string()
      .min(1)
      .meta({ title: 'User', description: 'A login with SELECT only.', examples: [examples.user] }),
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
        examples: [examples.ca],
      }),
    secret: secretNameSchema.optional().meta({
      title: 'Secret',
      description: 'Name of the secret that holds the password; absent where the server asks for none.',
      examples: [examples.secret],
    }),
    protect: protectSchema.optional().meta({
      title: 'Protect',
      description: 'What runs may ask of the server, whoever starts them and wherever they run.',
      examples: [{ connections: 4, statementTimeout: '30m' }],
    }),
  };
}
