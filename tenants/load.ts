/** YAML in; a tenant, or everything that is wrong with it, out. */
import { readdirSync, readFileSync } from 'node:fs';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { runChecks } from './checks/index.ts';
import { explain } from './explain.ts';
import { type Finding, pathText, type TenantIssue, valueFinding } from './issues.ts';
import { type Positions, positionsOf } from './positions.ts';
import { type TenantSpec, tenantSchema } from './schema/tenant.ts';
import { valueAt } from './schema-walk.ts';

export { formatIssue, type TenantIssue } from './issues.ts';

/** A tenant with every default filled in, or the reasons why there is none; never both. */
export interface TenantFile {
  readonly tenant: TenantSpec | null;
  readonly errors: readonly TenantIssue[];
}

/**
 * Reads the text of a tenant file.
 *
 * @param file how the errors call it; the tenant must have its name.
 */
export function parseTenant(text: string, file: string): TenantFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const positions = positionsOf(document, lines);
  const broken = syntaxIssues(document, positions, lines, file);
  const firstBreak = document.errors.find(({ code }) => code !== 'DUPLICATE_KEY')?.pos[0];
  const data = plainData(document);
  if ('problem' in data) return { tenant: null, errors: [...broken, locate(data.problem, positions, file)] };
  if (data.value === null && broken.length > 0) return { tenant: null, errors: sorted(broken) };
  if (typeof data.value !== 'object' || data.value === null || Array.isArray(data.value)) {
    const finding = valueFinding([], 'the file holds no tenant', 'begin with tenant: <name>, or run: tributary init');
    return { tenant: null, errors: [...broken, locate(finding, positions, file)] };
  }
  const parsed = tenantSchema.safeParse(data.value, { jitless: true });
  const findings = [
    ...(parsed.error?.issues ?? []).flatMap((issue) => explain(issue, tenantSchema, data.value)),
    ...runChecks(data.value as Record<string, unknown>, parsed.data, file),
  ];
  const found = findings.map((finding) => ({ finding, issue: locate(finding, positions, file) }));
  const breakLine = firstBreak === undefined ? Number.POSITIVE_INFINITY : lines.linePos(firstBreak).line;
  const reliable = found.filter(
    ({ finding, issue }) =>
      firstBreak === undefined || (issue.line < breakLine && valueAt(data.value, finding.path) !== undefined),
  );
  const errors = sorted([...broken, ...reliable.map(({ issue }) => issue)]);
  return { tenant: errors.length === 0 ? (parsed.data ?? null) : null, errors };
}

/** Reads a tenant file; one that cannot be opened is an error like the others. */
export function readTenant(path: string): TenantFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = code === 'ENOENT' ? 'there is no such file' : `cannot be read: ${code ?? String(error)}`;
    const fix = 'name a file that exists, or create one: tributary init';
    return { tenant: null, errors: [{ file: path, line: 1, column: 1, path: '', message, fix }] };
  }
  return parseTenant(text, path);
}

/** The names of the tenants in a folder (`acme` for `acme.yaml`), sorted; none where the folder is missing. */
export function listTenants(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^[^.].*\.yaml$/.test(name))
      .map((name) => name.slice(0, -'.yaml'.length))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function plainData(document: Document.Parsed): { value: unknown } | { problem: Finding } {
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) };
  } catch (error) {
    return { problem: valueFinding([], (error as Error).message, 'write the values out instead of repeating aliases') };
  }
}

function syntaxIssues(
  document: Document.Parsed,
  positions: Positions,
  lines: LineCounter,
  file: string,
): TenantIssue[] {
  return [...document.errors, ...document.warnings].map(({ code, message, pos }) => {
    const { line, col } = lines.linePos(pos[0]);
    const path = pathText(positions.pathAt(pos[0]));
    const [what, fix] = SYNTAX[code] ?? [`is no YAML: ${message}`, 'mend the YAML at this place'];
    return { file, line: Math.max(1, line), column: Math.max(1, col), path, message: what, fix };
  });
}

const SYNTAX: Record<string, readonly [string, string]> = {
  DUPLICATE_KEY: ['this key stands here twice', 'keep one of the two'],
  TAB_AS_INDENT: ['is no YAML: a tab indents this line', 'indent with spaces'],
  TAG_RESOLVE_FAILED: ['a tag (!…) means nothing here', 'remove the tag'],
  MULTIPLE_DOCS: ['the file holds more than one document', 'one tenant, one file: remove --- and what follows'],
};

function locate(finding: Finding, positions: Positions, file: string): TenantIssue {
  const { path, at, message, fix } = finding;
  return { file, ...positions.of(path, at), path: pathText(path), message, fix };
}

function sorted(issues: readonly TenantIssue[]): TenantIssue[] {
  return issues.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
