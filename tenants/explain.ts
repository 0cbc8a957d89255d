/** A schema's complaint → a sentence about the file and what to write instead. */
import { stringify } from 'yaml';
import type { z } from 'zod';
import { type Finding, keyFinding, type Path, valueFinding } from './issues.ts';
import { TYPE_NAMES } from './schema/types.ts';
import { exampleAt, keysAt, valueAt } from './schema-walk.ts';
import { suggest } from './suggest.ts';

const SECRET_KEY =
  /^(?:pass(?:word|wd|phrase)?|pwd|token|api_?key|secret(?:_?access)?_?key|account_?key|sas|connection_?string|credentials?|private_?key)$/i;
const FOREIGN_TYPES: Record<string, string> = {
  ...{ INTEGER: 'INT64', INT: 'INT64', BIGINT: 'INT64', FLOAT: 'FLOAT64', DOUBLE: 'FLOAT64', BOOLEAN: 'BOOL' },
  ...{
    TEXT: 'STRING',
    VARCHAR: 'STRING',
    CHAR: 'STRING',
    UUID: 'STRING',
    DECIMAL: 'NUMERIC',
    TIMESTAMPTZ: 'TIMESTAMP',
  },
  ...{ BYTEA: 'BYTES', BLOB: 'BYTES', JSONB: 'JSON' },
};

/** Every finding of one complaint: an object with three unknown keys has three. */
export function explain(issue: z.core.$ZodIssue, schema: z.ZodType, data: unknown): Finding[] {
  const path = issue.path as Path;
  const key = String(path.at(-1) ?? '');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((name) => unknownKey(schema, data, path, name));
  if (issue.code === 'invalid_key') {
    const message = issue.issues[0]?.message ?? 'is not allowed as a name';
    return [keyFinding(path, `"${key}" ${message}`, nameFix(key))];
  }
  const value = valueAt(data, path);
  const example = exampleFix(schema, data, path);
  if (value === undefined) {
    const names = choices(issue);
    return [keyFinding(path, `${key} is missing`, names.length > 0 ? `write one of: ${names.join(', ')}` : example)];
  }
  const names = choices(issue);
  if (names.length > 0) {
    const near = typeof value === 'string' ? suggest(value, names) : undefined;
    const one = names.length === 1 ? `write ${names[0]}` : `write one of: ${names.join(', ')}`;
    return [
      valueFinding(
        path,
        `${shown(value)} is not ${names.length === 1 ? names[0] : `one of ${names.join(', ')}`}`,
        near === undefined ? one : `did you mean ${near}?`,
      ),
    ];
  }
  if (issue.code === 'invalid_type') {
    return [valueFinding(path, `must be ${kind(issue.expected)}, not ${nature(value)}`, example)];
  }
  if (issue.code === 'invalid_union') {
    const expected = issue.errors
      .flat()
      .flatMap((inner) => (inner.code === 'invalid_type' ? [kind(inner.expected)] : []));
    return [valueFinding(path, `must be ${expected.join(' or ')}, not ${nature(value)}`, example)];
  }
  if (key === 'secret') {
    const fix = 'write the name of the secret; its value is stored with: tributary secret set <tenant> <name>';
    return [valueFinding(path, issue.message, fix)];
  }
  if (path.at(-2) === 'types' && typeof value === 'string') {
    const type = value.trim().toUpperCase().replace(/\(.*/, '');
    const near = FOREIGN_TYPES[type] ?? suggest(type, TYPE_NAMES);
    const fix =
      near === undefined
        ? `write one of: ${TYPE_NAMES.join(', ')}, NUMERIC(p,s), ARRAY<type>`
        : `did you mean ${near}?`;
    return [valueFinding(path, `${shown(value)} is not a type`, fix)];
  }
  const ours = /^(?:must|is|holds|may) /.test(issue.message);
  return [valueFinding(path, ours ? `${key} ${issue.message}` : limits(issue), example)];
}

function unknownKey(schema: z.ZodType, data: unknown, path: Path, name: string): Finding {
  const known = keysAt(schema, path, data);
  if (path[0] === 'connections' && path.length === 2 && SECRET_KEY.test(name)) {
    return keyFinding(
      [...path, name],
      `${name} has no place in a tenant file: a secret is a name, never a value`,
      'write secret: <name> and store the value with: tributary secret set <tenant> <name>',
    );
  }
  const near = suggest(name, known);
  const fix = near === undefined ? `remove it; known here: ${known.join(', ')}` : `did you mean ${near}?`;
  return keyFinding([...path, name], `unknown key ${name}`, fix);
}

function choices(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  if (issue.code === 'invalid_union' && 'options' in issue) return (issue.options ?? []).map(String);
  return [];
}

function limits(issue: z.core.$ZodIssue): string {
  if (issue.code === 'too_small') {
    if (issue.origin === 'string') return 'must not be empty';
    if (issue.origin === 'array') return `must hold at least ${issue.minimum}`;
    return `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
  }
  if (issue.code === 'too_big') {
    if (issue.origin === 'string') return `must have at most ${issue.maximum} characters`;
    return issue.origin === 'array' ? `may hold at most ${issue.maximum}` : `must be at most ${issue.maximum}`;
  }
  return issue.message;
}

function exampleFix(schema: z.ZodType, data: unknown, path: Path): string {
  const example = exampleAt(schema, path, data);
  const last = path.at(-1);
  if (example !== undefined) {
    const text = stringify(example, { collectionStyle: 'flow', lineWidth: 0 }).trim();
    return typeof last === 'string' ? `write for example ${last}: ${text}` : `write for example ${text}`;
  }
  const keys = keysAt(schema, path, data);
  return keys.length > 0 ? `write keys under it: ${keys.join(', ')}` : 'see docs/tenant.md';
}

function nameFix(name: string): string {
  const safe = name
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '');
  return safe === '' ? 'write for example orders' : `write ${safe}`;
}

function shown(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? JSON.stringify(value) : nature(value);
}

function kind(expected: string): string {
  const words: Record<string, string> = {
    string: 'a text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a map',
    record: 'a map',
  };
  return words[expected] ?? expected;
}

function nature(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  const words: Record<string, string> = {
    string: 'a text',
    number: 'a number',
    boolean: 'true or false',
    object: 'a map',
  };
  return words[typeof value] ?? typeof value;
}
