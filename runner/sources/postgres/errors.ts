/** From errors of the driver, the socket and the server to the catalogue. */
import type { Code, Facts } from '../../core/catalogue.ts';
import { TributaryError } from '../../core/errors.ts';

/** What the messages may name. Never a password, never a row's value. */
interface Named {
  readonly host: string;
  readonly user: string;
  readonly mode: string;
  /** What is being read: `schema.table` or "the query". */
  readonly object?: string;
  readonly column?: string;
}

function named({ host, user, mode, object, column }: Facts): Named {
  const optional = { ...(object && { object: String(object) }), ...(column && { column: String(column) }) };
  return { host: String(host ?? 'the server'), user: String(user ?? '?'), mode: String(mode ?? '?'), ...optional };
}

type Answer = readonly [code: Code, facts?: Facts];

const UNKNOWN_HOST = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_NONAME']);
const UNREACHABLE = new Set(['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'EADDRNOTAVAIL']);
const BROKEN = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);
const TLS_CODE =
  /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA|EPROTO|ERR_OSSL)/;

/**
 * The problem behind an error of a connection or a query.
 *
 * @example throw postgresProblem(error, factsOf(spec, 'public.orders'))
 */
export function postgresProblem(error: unknown, given: Facts): TributaryError {
  if (TributaryError.is(error)) return error;
  const facts = named(given);
  const { code, message, name } = read(error);
  const [problem, more] =
    name === 'AbortError'
      ? (['INTERRUPTED'] as const)
      : (tls(code, message, facts) ?? socket(code, message) ?? server(code, message, facts) ?? failed(message));
  return new TributaryError(problem, { ...given, ...more }, { cause: error });
}

function read(error: unknown): { code: string; message: string; name: string } {
  const { code = '', message = String(error), name = '' } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  return { code: String(code), message: message || String(code), name };
}

const failed = (message: string): Answer => ['SOURCE_FAILED', { reason: message }];

function tls(code: string, message: string, facts: Named): Answer | null {
  const answer = (reason: string, advice?: string): Answer => [
    'SOURCE_TLS',
    { reason, ...(advice === undefined ? {} : { advice }) },
  ];
  if (message === 'The server does not support SSL connections') {
    return answer('the server offers no encryption', 'Turn on `ssl` at the server, or set tls: prefer or disable.');
  }
  if (message.startsWith('There was an error establishing an SSL connection')) {
    return answer('what listens there does not speak the PostgreSQL protocol', 'Check `host` and `port`.');
  }
  if (code === '28000' && /(no encryption|SSL off)/.test(message) && facts.mode === 'disable') {
    return answer('the server has no entry for an unencrypted login of this user', 'Set tls: require or verify-full.');
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH') {
    return answer(
      `the certificate is not for ${facts.host} (${message.replace(/^.*altnames: /, '').replace(/^Host: /, '')})`,
      'Set `host` to a name in the certificate, or tls: verify-ca if the network path is trusted.',
    );
  }
  if (code === 'CERT_HAS_EXPIRED') return answer('the certificate has expired', 'Renew the certificate at the server.');
  if (/^(SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)/.test(code)) {
    return answer(`the certificate's authority is not known (${message})`, 'Give the authority (PEM) as `ca`.');
  }
  const early = message.includes('before secure TLS connection was established');
  return TLS_CODE.test(code) || early ? answer(message) : null;
}

function socket(code: string, message: string): Answer | null {
  if (UNKNOWN_HOST.has(code)) return ['SOURCE_HOST_UNKNOWN'];
  if (UNREACHABLE.has(code)) return ['SOURCE_UNREACHABLE', { reason: code }];
  if (/^timeout expired|timeout exceeded/.test(message)) return ['SOURCE_UNREACHABLE', { reason: 'no answer in time' }];
  if (BROKEN.has(code)) return ['SOURCE_DISCONNECTED', { reason: `The connection broke (${code})` }];
  if (/^Connection terminated|not queryable|Client was closed/.test(message)) {
    return ['SOURCE_DISCONNECTED', { reason: 'The connection ended unexpectedly' }];
  }
  return null;
}

function server(code: string, message: string, facts: Named): Answer | null {
  if (message.startsWith('SASL: ')) return ['SOURCE_AUTHENTICATION', { reason: message.slice('SASL: '.length) }];
  if (!/^[0-9A-Z]{5}$/.test(code)) return null;
  const reason = masked(code, message);
  if (code.startsWith('28')) return ['SOURCE_AUTHENTICATION', { reason }];
  if (code === '3D000') return ['SOURCE_DATABASE_MISSING'];
  if (code === '42P01' || code === '3F000')
    return ['SOURCE_OBJECT_MISSING', { object: facts.object ?? quoted(message) }];
  if (code === '42703') return missingColumn(message, facts);
  if (code === '42501') return permission(message, facts);
  if (isSnapshotGone({ message })) {
    return ['SOURCE_DISCONNECTED', { reason: 'The session that held the snapshot ended' }];
  }
  if (/conflict with recovery/.test(message)) return ['SOURCE_REPLICA_CONFLICT'];
  if (code === '25006') return ['SOURCE_QUERY_WRITES', { reason }];
  if (code === '0A000' && message.includes('data-modifying')) return ['SOURCE_QUERY_WRITES', { reason }];
  if (code === '57P03') return ['SOURCE_UNREACHABLE', { reason }];
  if (/^(08|57P0[125]|25P0[34])/.test(code)) return ['SOURCE_DISCONNECTED', { reason: sentence(reason) }];
  if (code === '57014' && /statement timeout/.test(message)) {
    return ['SOURCE_BUSY', { reason: 'A statement took longer than protect.statementTimeout, or the server, allows' }];
  }
  if (/^(53|55P03|54001)/.test(code)) return ['SOURCE_BUSY', { reason: sentence(reason) }];
  if (/^(42|22|0A|21|26|34|2F|38|P0)/.test(code)) return ['SOURCE_QUERY_INVALID', { reason: `${sentence(reason)}.` }];
  return ['SOURCE_FAILED', { reason: `${sentence(reason)} (SQLSTATE ${code}).` }];
}

/** Whether no session holds the snapshot that was to be taken over; versions of the server say it differently. */
export function isSnapshotGone(error: { readonly message?: string }): boolean {
  return /invalid snapshot identifier|snapshot ".*" does not exist|could not import the requested snapshot/.test(
    error.message ?? '',
  );
}

/** Messages of classes 22, 23 and of raised exceptions quote values of rows. */
function masked(code: string, message: string): string {
  if (code.startsWith('P0')) return `an exception was raised in the database (SQLSTATE ${code})`;
  return /^2[23]/.test(code) ? message.replace(/: ".*$/s, '').replace(/"[^"]*"/g, '"…"') : message;
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function quoted(message: string): string {
  return /"([^"]+)"/.exec(message)?.[1] ?? 'What the query reads';
}

function missingColumn(message: string, facts: Named): Answer {
  const column = /column "?(.+?)"? (of relation .* )?does not exist/.exec(message)?.[1] ?? facts.column ?? '?';
  return ['SOURCE_COLUMN_MISSING', { object: facts.object ?? 'The query', column, why: 'the server does not know it' }];
}

function permission(message: string, facts: Named): Answer {
  const [, kind, name] = /permission denied for (.+?) "?([^"]+)"?$/.exec(message) ?? [];
  const user = `"${facts.user.replaceAll('"', '""')}"`;
  const grants: Record<string, string> = {
    schema: `GRANT USAGE ON SCHEMA ${name} TO ${user};`,
    database: `GRANT CONNECT ON DATABASE ${name} TO ${user};`,
    function: `GRANT EXECUTE ON FUNCTION ${name} TO ${user};`,
  };
  const table = facts.object?.includes(' ') ? name : (facts.object ?? name);
  const grant = grants[kind ?? ''] ?? `GRANT SELECT ON ${table ?? facts.object} TO ${user};`;
  const what = kind === 'schema' || kind === 'database' || kind === 'function' ? `${kind} ${name}` : (name ?? table);
  return ['SOURCE_PERMISSION', { object: facts.object ?? what ?? 'this', grant }];
}
