/** What `tributary preview --json` and `tributary refresh --json` printed, from files. */
import { readFileSync } from 'node:fs';
import type { PreviewResult } from '../preview-result.ts';
import type { DriftResult } from './drift.ts';

/** One stack of the document; `problem` is an entry of the error catalogue. */
type Printed = Partial<PreviewResult> & DriftResult & { readonly problem?: Problem };

interface Problem {
  readonly code?: string;
  readonly detail?: string;
}

/** A document is about one stack or about many. */
interface Document extends Partial<Printed> {
  readonly stacks?: readonly Printed[];
  /** Stacks that were not begun, because another failed. */
  readonly notBegun?: readonly string[];
}

/** A file without a document is a command that failed before it could print one: an error of its own. */
export function previewResults(files: readonly string[]): PreviewResult[] {
  return files.flatMap((file) =>
    printedIn(file).map((printed) => ({
      tenant: printed.tenant ?? printed.stack.split('.')[0] ?? '',
      stack: printed.stack,
      digest: printed.digest ?? '',
      operations: printed.operations ?? [],
      policies: printed.policies ?? [],
      seconds: printed.seconds ?? 0,
      ...errorOf(printed),
    })),
  );
}

/** A stack that was to be previewed and has no file: its job died before it could say anything. */
export function missingResults(stacks: readonly string[], given: readonly PreviewResult[]): PreviewResult[] {
  const there = new Set(given.flatMap(({ tenant, stack }) => [tenant, stack]));
  return stacks
    .filter((stack) => !there.has(stack))
    .map((stack) => {
      const error = 'its job gave no preview';
      return { tenant: stack, stack, digest: '', operations: [], policies: [], seconds: 0, error };
    });
}

export function driftResults(files: readonly string[]): DriftResult[] {
  return files.flatMap((file) =>
    printedIn(file).map((printed) => ({ stack: printed.stack, drift: printed.drift ?? [], ...errorOf(printed) })),
  );
}

/** The joint digest of a document; none where a stack has no preview. */
export function digestIn(file: string): string | undefined {
  const previews = previewResults([file]);
  if (previews.length === 0 || previews.some(({ error }) => error !== undefined)) return undefined;
  return (JSON.parse(readFileSync(file, 'utf8')) as Document).digest || undefined;
}

function printedIn(file: string): Printed[] {
  const text = readFileSync(file, 'utf8').trim();
  let document: Document;
  try {
    document = JSON.parse(text) as Document;
  } catch {
    return [{ stack: file, error: 'the command printed no result' }];
  }
  const { stacks, notBegun = [], problem, stack } = document;
  const skipped = notBegun.map((name) => ({ stack: name, error: 'not begun' }));
  if (stacks !== undefined) {
    const whole = problem === undefined || stacks.some((one) => one.problem) ? [] : [{ stack: file, problem }];
    return [...stacks, ...skipped, ...whole];
  }
  return [{ ...document, stack: stack ?? file } as Printed];
}

/** A broken rule is no error: it is among the policies, and the preview is there. */
function errorOf({ error, problem }: Printed): { error?: string } {
  if (error !== undefined) return { error };
  if (problem === undefined || problem.code === 'STACK_POLICY') return {};
  return { error: [problem.code, problem.detail].filter(Boolean).join(': ') };
}
