/** From errors of the driver, the socket and the server to the catalogue. */
import type { Code, Facts } from '../../core/catalogue.ts';
import { TributaryError } from '../../core/errors.ts';

type Answer = readonly [code: Code, facts?: Facts];

const UNKNOWN_HOST = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_NONAME']);
const UNREACHABLE = new Set(['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'EADDRNOTAVAIL']);
const BROKEN = new Set([
  'ECONNRESET',
  'EPIPE',
  'ECONNABORTED',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_UNEXPECTED_PACKET',
]);

/**
 * The problem behind an error of a connection or a statement.
 *
 * @example throw mysqlProblem(error, factsOf(spec, 'shop.orders'))
 */
export function mysqlProblem(error: unknown, given: Facts): TributaryError {
  if (TributaryError.is(error)) return error;
  const {
    code = '',
    errno = 0,
    message = String(error),
    name = '',
  } = (error ?? {}) as {
    readonly [key in 'code' | 'message' | 'name']?: string;
  } & { readonly errno?: number };
  const [problem, facts] =
    name === 'AbortError'
      ? (['INTERRUPTED'] as const)
      : (tls(String(code), message, given) ??
        socket(String(code), message) ??
        server(errno, message, given) ??
        (['SOURCE_FAILED', { reason: message }] as const));
  return new TributaryError(problem, { ...given, ...facts }, { cause: error });
}

function tls(code: string, message: string, facts: Facts): Answer | null {
  const answer = (reason: string, advice?: string): Answer => [
    'SOURCE_TLS',
    { reason, ...(advice === undefined ? {} : { advice }) },
  ];
  if (code === 'HANDSHAKE_NO_SSL_SUPPORT') {
    return answer('the server offers no encryption', 'Give the server a certificate, or set tls: prefer or disable.');
  }
  if (/Connections using insecure transport are prohibited/.test(message)) {
    return answer('the server takes encrypted connections only', 'Set tls: require or verify-full.');
  }
  if (/altnames|does not match certificate/i.test(message)) {
    return answer(
      `the certificate is not for ${facts.host} (${message.replace(/^.*altnames: /, '')})`,
      'Set `host` to a name in the certificate, or tls: verify-ca if the network path is trusted.',
    );
  }
  if (/certificate has expired/.test(message)) {
    return answer('the certificate has expired', 'Renew the certificate at the server.');
  }
  if (/self.signed|unable to (verify|get)/i.test(message)) {
    return answer(`the certificate's authority is not known (${message})`, 'Give the authority (PEM) as `ca`.');
  }
  return code === 'HANDSHAKE_SSL_ERROR' || /^(ERR_TLS|ERR_SSL|CERT_|EPROTO|ERR_OSSL)/.test(code)
    ? answer(message)
    : null;
}

function socket(code: string, message: string): Answer | null {
  if (UNKNOWN_HOST.has(code)) return ['SOURCE_HOST_UNKNOWN'];
  if (UNREACHABLE.has(code)) {
    return ['SOURCE_UNREACHABLE', { reason: message === 'connect ETIMEDOUT' ? 'no answer in time' : code }];
  }
  if (BROKEN.has(code)) return ['SOURCE_DISCONNECTED', { reason: `The connection broke (${code})` }];
  if (/closed state|Connection lost|^interrupted$/.test(message)) {
    return ['SOURCE_DISCONNECTED', { reason: 'The connection ended unexpectedly' }];
  }
  return null;
}

const AUTHENTICATION = new Set([1045, 1251, 1275, 1524, 1698, 1820, 1862, 3118, 3955, 4151]);
const DISCONNECTED = new Set([1053, 1077, 1152, 1158, 1159, 1160, 1161, 1184, 1317, 1927, 3169, 4031]);
const BUSY = new Set([1040, 1041, 1037, 1114, 1135, 1203, 1205, 1213, 1226, 1461, 1637, 3024, 1969]);
const WRITES = new Set([1290, 1422, 1792, 1836, 3572]);
const MISSING = new Set([1146, 1051, 1109, 1932, 1356]);

/** Error numbers of the server: "Server Error Message Reference", and MariaDB's "Error Codes". */
function server(errno: number, message: string, facts: Facts): Answer | null {
  const user = facts.user ?? '?';
  const object = facts.object === undefined ? 'The query' : String(facts.object);
  if (AUTHENTICATION.has(errno) || /^AUTH_SWITCH|auth(entication)? plugin/i.test(message)) {
    return ['SOURCE_AUTHENTICATION', { reason: sentence(message.replace(/ \(using password: (YES|NO)\)/, '')) }];
  }
  if (errno === 1049) return ['SOURCE_DATABASE_MISSING'];
  if (errno === 1044) {
    const database = /database '(.*)'$/.exec(message)?.[1] ?? facts.database;
    return [
      'SOURCE_PERMISSION',
      { object: database ?? object, grant: `GRANT SELECT ON \`${database}\`.* TO '${user}'@'%';` },
    ];
  }
  if (errno === 1142 || errno === 1143 || errno === 1345 || errno === 1370)
    return permission(errno, message, object, user);
  if (errno === 1227) {
    const right = /need (?:\(at least one of\) )?the (.+?) privilege/.exec(message)?.[1] ?? 'PROCESS';
    return [
      'SOURCE_PERMISSION',
      { object: `what needs the right ${right}`, grant: `GRANT ${right} ON *.* TO '${user}'@'%';` },
    ];
  }
  if (MISSING.has(errno)) return ['SOURCE_OBJECT_MISSING', { object: facts.object ?? quoted(message) }];
  if (errno === 1054) {
    const column = /column '(.+?)' in/i.exec(message)?.[1] ?? '?';
    return [
      'SOURCE_COLUMN_MISSING',
      { object, column: column.split('.').at(-1) ?? column, why: 'the server does not know it' },
    ];
  }
  if (WRITES.has(errno)) return ['SOURCE_QUERY_WRITES', { reason: message }];
  if (DISCONNECTED.has(errno)) return ['SOURCE_DISCONNECTED', { reason: sentence(message) }];
  if (BUSY.has(errno)) return ['SOURCE_BUSY', { reason: sentence(message) }];
  if (errno === 1412) return ['SOURCE_FAILED', { reason: 'The definition of the table changed while it was read.' }];
  if (errno > 0) return invalid(errno, message);
  return null;
}

/** Messages of casts and of raised conditions quote values of rows. */
function invalid(errno: number, message: string): Answer {
  const quiet = [1292, 1264, 1366, 1367, 1411, 1644, 1690].includes(errno)
    ? message.replace(/'[^']*'/g, "'…'")
    : message;
  const reason = `${sentence(quiet)} (error ${errno}).`;
  const statement = /^(10(52|5[6-9]|6[0-9])|11(1[0-9]|4[69])|12(2[12]|3[45]|41|48)|1305|1690|1644|1292|1242)$/.test(
    `${errno}`,
  );
  return [statement ? 'SOURCE_QUERY_INVALID' : 'SOURCE_FAILED', { reason }];
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function quoted(message: string): string {
  return /'([^']+)'/.exec(message)?.[1] ?? 'What the query reads';
}

function permission(errno: number, message: string, object: string, user: unknown): Answer {
  const table = /for table [`']?(.+?)[`']?$/.exec(message)?.[1]?.replace(/[`']\.[`']/, '.');
  const column = errno === 1143 ? /for column '(.+?)'/.exec(message)?.[1] : undefined;
  const on = table === undefined || object.includes('.') ? object : table;
  const right = errno === 1345 ? 'SHOW VIEW' : errno === 1370 ? 'EXECUTE' : 'SELECT';
  const grant = `GRANT ${right}${column === undefined ? '' : ` (\`${column}\`)`} ON ${on} TO '${user}'@'%';`;
  return ['SOURCE_PERMISSION', { object: object === 'The query' ? (table ?? object) : object, grant }];
}
