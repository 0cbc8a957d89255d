/** What is wrong with a tenant file, where, and what to write instead. */
export interface TenantIssue {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** `sources.orders.load.key`; empty for the whole file. */
  readonly path: string;
  readonly message: string;
  readonly fix: string;
}

export type Path = readonly (string | number)[];

/** An issue before its place in the file is known. */
export interface Finding {
  readonly path: Path;
  /** Whether the key or its value is to blame. */
  readonly at: 'key' | 'value';
  readonly message: string;
  readonly fix: string;
}

/** A finding about the value at a path. */
export function valueFinding(path: Path, message: string, fix: string): Finding {
  return { path, at: 'value', message, fix };
}

/** A finding about a key, or about what is missing under it. */
export function keyFinding(path: Path, message: string, fix: string): Finding {
  return { path, at: 'key', message, fix };
}

/** `tenants/acme.yaml:12:7  sources.orders.load.key  message` and the fix on a line of its own. */
export function formatIssue(issue: TenantIssue): string {
  const place = `${issue.file}:${issue.line}:${issue.column}`;
  const path = issue.path === '' ? '' : `  ${issue.path}`;
  return `${place}${path}  ${issue.message}\n    fix: ${issue.fix}`;
}

/** `sources.orders.quality[0].column` */
export function pathText(path: Path): string {
  return path
    .map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? plain(step) : `.${plain(step)}`))
    .join('');
}

function plain(step: string): string {
  return /^[\w-]+$/.test(step) ? step : JSON.stringify(step);
}
