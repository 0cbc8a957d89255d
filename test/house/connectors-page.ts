import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectorAbout, FilesAbout, TypeRow } from '../../runner/core/contracts/about.ts';
import type { SourceCapabilities } from '../../runner/core/contracts/source.ts';
import { tenantJsonSchema } from '../../tenants/json-schema.ts';
import { type ConnectionKind, readsOfKind } from '../../tenants/schema/connection.ts';
import { root } from './tree.ts';

export const KINDS = Object.keys(readsOfKind) as ConnectionKind[];

/** Kinds that are read by this version: the others have no page, so that none claims what is not there. */
export const connectors: readonly ConnectionKind[] = KINDS.filter((kind) =>
  existsSync(join(root, 'runner', 'sources', kind, 'about.ts')),
);

/** As much of a JSON Schema as a connection has. */
interface Field {
  readonly const?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly examples?: readonly unknown[];
  /** Of a part with keys of its own. */
  readonly properties?: Readonly<Record<string, Field>>;
}
interface Connection {
  readonly title: string;
  readonly description: string;
  readonly properties: Readonly<Record<string, Field>>;
  readonly required: readonly string[];
}

const CAPABILITIES: Readonly<Record<keyof SourceCapabilities, string>> = {
  parallelReaders: 'several readers share one snapshot (`execution.readers`)',
  queries: 'a source may be a query',
  windows: 'incremental by a cursor',
  lateFields: 'columns are inferred from a few rows; fields met later are added',
};

export async function aboutOf(kind: ConnectionKind): Promise<ConnectorAbout> {
  const { about } = (await import(`../../runner/sources/${kind}/about.ts`)) as { about: ConnectorAbout };
  return about;
}

/** docs/connectors/<kind>.md */
export async function renderConnector(kind: ConnectionKind): Promise<string> {
  const about = await aboutOf(kind);
  const schema = connectionOf(kind);
  const lines = [
    `<!-- Written by \`npm run generate\` from runner/sources/${kind}/about.ts and tenants/schema/sources/${kind}.ts. -->`,
    `# ${schema.title}`,
    '',
    `${schema.description} ${schema.properties.kind?.description ?? ''}`,
    '',
    '```yaml',
    about.example.trimEnd(),
    '```',
    '',
    `Look first: \`tributary test <tenant> <connection>\`, \`tributary discover <tenant> <connection> [object]\`.`,
    '',
    '## Connection',
    '',
    '| key | default | meaning | example |',
    '|---|---|---|---|',
    ...Object.entries(schema.properties).map((field) => fieldRow(schema, ...field)),
    '',
    '**Bold** keys are required. A `secret` is a name, never a value.',
    '',
    '## What a source reads',
    '',
    about.objects,
    '',
    `- Snapshot: ${about.snapshot}`,
    `- Bound: ${about.bound}`,
    `- Rows: ${about.reading}`,
    '',
    '| | |',
    '|---|---|',
    ...Object.entries(CAPABILITIES).map(([name, meaning]) => {
      const able = about.capabilities[name as keyof SourceCapabilities];
      const instead = name === 'windows' && readsFiles(kind) ? ': each version of a file once' : '';
      return `| ${meaning} | ${able ? 'yes' : `no${instead}`} |`;
    }),
    '',
    '## Permissions',
  ];
  for (const { purpose, language, commands } of about.grants)
    lines.push('', `${purpose}:`, '', `\`\`\`${language}`, commands.trimEnd(), '```');
  const files = readsFiles(kind) ? await filesAbout() : null;
  if (files !== null) lines.push(...fileSections(files));
  if (about.types !== undefined) lines.push('', '## Types', '', ...typeTable(about.types), '', ANY_TYPE);
  lines.push('', '## Limits', '', ...[...about.limits, ...(files?.limits ?? [])].map((limit) => `- ${limit}`));
  return `${lines.join('\n')}\n`;
}

export function readsFiles(kind: ConnectionKind): boolean {
  return (readsOfKind[kind] as readonly string[]).includes('files');
}

async function filesAbout(): Promise<FilesAbout | null> {
  const path = join(root, 'runner', 'files', 'about.ts');
  return existsSync(path) ? ((await import(path)) as { filesAbout: FilesAbout }).filesAbout : null;
}

function fileSections({ objects, formats }: FilesAbout): string[] {
  const { properties } = tenantJsonSchema() as {
    properties: { sources: { additionalProperties: { properties: { files: { oneOf: readonly Connection[] } } } } };
  };
  const options = properties.sources.additionalProperties.properties.files.oneOf;
  const rows = new Map(options.flatMap(optionRows));
  return [
    ...['', '## Files', '', objects, '', '| key of `files` | default | meaning | example |', '|---|---|---|---|'],
    ...rows.values(),
    ...formats.flatMap(({ name, reading, types }) => ['', `### ${name}`, '', reading, '', ...typeTable(types)]),
  ];
}

/** The row of each key, those of a part as `csv.delimiter`. */
function optionRows(one: Connection): (readonly [name: string, row: string])[] {
  return Object.entries(one.properties).flatMap(([name, field]) => {
    if (name === 'format') return [];
    const inner = Object.entries(field.properties ?? {});
    if (inner.length === 0) return [[name, fieldRow(one, name, field)]];
    return inner.map(([key, part]) => [`${name}.${key}`, fieldRow(one, `${name}.${key}`, part)]);
  });
}

const ANY_TYPE =
  'A type without a row here travels as text that loses nothing. What each becomes in the embedded warehouse, values that no type holds, and overrides: [types](../types.md).';

function typeTable(types: readonly TypeRow[]): string[] {
  return [
    '| at the source | type | notes |',
    '|---|---|---|',
    ...types.map(({ source, type, notes = '' }) => `| ${cell(source)} | ${cell(type)} | ${cell(notes)} |`),
  ];
}

function connectionOf(kind: ConnectionKind): Connection {
  const { properties } = tenantJsonSchema() as {
    properties: { connections: { additionalProperties: { oneOf: readonly Connection[] } } };
  };
  const found = properties.connections.additionalProperties.oneOf.find((one) => one.properties.kind?.const === kind);
  if (found === undefined) throw new Error(`the schema has no connection of kind ${kind}`);
  return found;
}

function fieldRow({ required }: Connection, name: string, field: Field): string {
  const key = required.includes(name) ? `**${name}**` : name;
  const start = field.default === undefined || field.default === '' ? '' : `\`${shown(field.default)}\``;
  const one = field.enum === undefined ? '' : ` One of ${field.enum.join(', ')}.`;
  const example = field.examples?.[0] === undefined ? '' : `\`${shown(field.examples[0])}\``;
  return `| ${key} | ${start} | ${cell(`${field.description ?? ''}${one}`)} | ${example} |`;
}

function shown(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
