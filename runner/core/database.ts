/** What connections to databases have in common, whatever their protocol. */
import { readFile } from 'node:fs/promises';
import type { Facts } from './catalogue.ts';
import { TributaryError } from './errors.ts';

export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/** A connection of a tenant, as far as a driver needs it. */
export interface DatabaseConnection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** As libpq's sslmode; `require` with a `ca` verifies the authority. */
  readonly tls: TlsMode;
  /** The authority's certificate: PEM, or the path of a PEM file. */
  readonly ca?: string;
  /** Name of the secret that holds the password. */
  readonly secret?: string;
  /** Longest that a statement may take; absent: as long as it takes. */
  readonly statementSeconds?: number;
  /** Name of the connection in the tenant file, for messages. */
  readonly name: string;
  readonly tenant: string;
}

export interface ConnectOptions {
  /** Shown by the server among its sessions. */
  readonly applicationName: string;
  /** Ends the connection, at whatever it is. */
  readonly signal?: AbortSignal;
}

/** Milliseconds for TCP, TLS and login together. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** The facts of a connection, with the object that is being read. Never a password, never a row's value. */
export function factsOf(spec: DatabaseConnection, object?: string): Facts {
  const { host, port, database, user, tls: mode, name: connection, tenant, secret } = spec;
  return {
    ...{ host, port, database, user, mode, connection, tenant },
    ...(secret === undefined ? {} : { secret }),
    ...(object === undefined ? {} : { object }),
  };
}

/** The authority that a server's certificate has to be of. @throws SOURCE_TLS */
export async function readAuthority({ tls, host, ca }: DatabaseConnection): Promise<{ readonly ca?: string }> {
  if (ca === undefined) return {};
  if (ca.includes('-----BEGIN')) return { ca };
  const text = await readFile(ca, 'utf8').catch((cause) => {
    const facts = { mode: tls, host, reason: `the file \`ca\` cannot be read (${cause.code})` };
    throw new TributaryError('SOURCE_TLS', { ...facts, advice: 'Correct the path, or give the PEM text.' }, { cause });
  });
  return { ca: text };
}

/** What the signal was aborted with. */
export function interrupted(signal: AbortSignal): TributaryError {
  if (TributaryError.is(signal.reason)) return signal.reason;
  return new TributaryError('INTERRUPTED', {}, { cause: signal.reason });
}
