import { indivisible } from '../distribution.ts';
import { type Finding, keyFinding, type Path, valueFinding } from '../issues.ts';
import { type ConnectionKind, type ConnectionSpec, READS, type Reads, readsOfKind } from '../schema/connection.ts';
import type { SourceSpec } from '../schema/source.ts';
import { suggest } from '../suggest.ts';
import type { Draft } from './draft.ts';
import { zone } from './schedules.ts';

export function* checkConnections(draft: Draft): Iterable<Finding> {
  for (const [name, connection] of draft.connections) yield* login(name, connection);
  for (const [name, source] of draft.sources) {
    const path = ['sources', name];
    const written = READS.filter((key) => key in ((draft.data.sources as Record<string, object>)[name] ?? {}));
    const connection = source.connection === undefined ? undefined : draft.connections.get(source.connection);
    const allowed: readonly Reads[] = connection === undefined ? READS : readsOfKind[connection.kind];
    if (source.connection !== undefined && !draft.connectionNames.includes(source.connection)) {
      const near = suggest(source.connection, draft.connectionNames);
      const known =
        draft.connectionNames.length === 0
          ? 'add it under connections'
          : `write one of: ${draft.connectionNames.join(', ')}`;
      yield valueFinding(
        [...path, 'connection'],
        `there is no connection ${source.connection}`,
        near === undefined ? known : `did you mean ${near}?`,
      );
    }
    if (written.length === 0) {
      yield keyFinding(path, 'nothing says what is read', `write one of: ${allowed.join(', ')}`);
    } else if (written.length > 1) {
      yield keyFinding(
        [...path, written[1] as string],
        `${written.join(' and ')} exclude each other`,
        `keep one of: ${written.join(', ')}`,
      );
    }
    for (const key of written) {
      if (connection === undefined || allowed.includes(key)) continue;
      yield keyFinding(
        [...path, key],
        `${article(connection.kind)} ${connection.kind} connection has no ${key}`,
        `write ${allowed.join(' or ')} instead`,
      );
    }
    if (connection?.kind === 'bigquery' && source.table !== undefined && !/^[^.]+\.[^.]+$/.test(source.table)) {
      yield valueFinding(
        [...path, 'table'],
        `${source.table} is not dataset.table`,
        'write <dataset>.<table>; the project stands in the connection',
      );
    }
    if (connection !== undefined) yield* shared(path, connection.kind, source);
  }
}

/** A wish for many machines that the source can never grant. */
function* shared(path: Path, kind: ConnectionKind, source: Partial<SourceSpec>): Iterable<Finding> {
  const { mode, tasks = 1 } = source.execution ?? {};
  if (mode !== 'dataflow' && tasks === 1) return;
  const why = indivisible(kind, source);
  if (why === null) return;
  const place = [...path, 'execution'];
  if (mode === 'dataflow')
    yield valueFinding(
      [...place, 'mode'],
      `Dataflow cannot read ${article(kind)} ${kind} connection here: ${why}`,
      'write mode: cloud_run, or leave it to auto',
    );
  if (tasks > 1)
    yield valueFinding(
      [...place, 'tasks'],
      `${tasks} tasks cannot share the work: ${why}`,
      'write tasks: 1, or remove it',
    );
}

/** How the name of a kind is spoken. */
const article = (kind: ConnectionKind) => (kind === 'azure-blob' || kind === 's3' ? 'an' : 'a');

function* login(name: string, connection: ConnectionSpec): Iterable<Finding> {
  const path = ['connections', name];
  if (connection.kind === 's3') {
    const { role, accessKeyId, secret } = connection;
    if (role !== undefined && (accessKeyId !== undefined || secret !== undefined)) {
      yield keyFinding(
        [...path, 'role'],
        'role and an access key exclude each other',
        'keep role (no key to leak), or accessKeyId with secret',
      );
    } else if (role === undefined && (accessKeyId === undefined || secret === undefined)) {
      const missing =
        accessKeyId !== undefined ? 'secret' : secret !== undefined ? 'accessKeyId' : 'a role or an access key';
      yield keyFinding(path, `${missing} is missing`, 'write role: <ARN>, or accessKeyId with secret: <name>');
    }
  }
  if (connection.kind === 'azure-blob') {
    const { tenantId, clientId, secret } = connection;
    if (secret !== undefined && (tenantId !== undefined || clientId !== undefined)) {
      yield keyFinding(
        [...path, 'secret'],
        'secret and an application exclude each other',
        'keep tenantId with clientId (no key to leak), or secret',
      );
    } else if (secret === undefined && (tenantId === undefined || clientId === undefined)) {
      const missing =
        tenantId !== undefined ? 'clientId' : clientId !== undefined ? 'tenantId' : 'an application or a secret';
      yield keyFinding(path, `${missing} is missing`, 'write tenantId with clientId, or secret: <name>');
    }
  }
  if (connection.kind !== 'postgres' && connection.kind !== 'mysql') return;
  yield* zone([...path, 'protect', 'hours'], connection.protect?.hours);
  if (connection.ca !== undefined && !connection.tls.startsWith('verify')) {
    yield keyFinding(
      [...path, 'ca'],
      `ca is not looked at with tls: ${connection.tls}`,
      'write tls: verify-full, or remove ca',
    );
  }
}
