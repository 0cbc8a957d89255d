/**
 * The error that reaches people and programs, in one shape everywhere: terminal, JSON, logs,
 * run record, API. The catalogue of codes is in `catalogue.ts`; docs/errors.md is generated from it.
 */
import { type Code, catalogue, type Facts, type Origin } from './catalogue.ts';

/** The one shape of a failure. Never holds a secret: facts are scrubbed when it is made. */
export interface Problem {
  /** Permanent; what a program matches on. */
  readonly code: Code;
  readonly title: string;
  /** What happened and why. */
  readonly detail: string;
  /** What to do, as a command or a sentence. */
  readonly fix: string;
  readonly origin: Origin;
  /** Whether the same run may succeed when simply repeated. */
  readonly retryable: boolean;
}

const MARK = Symbol.for('tributary.error');

/**
 * A failure with a code of the catalogue.
 *
 * @example throw new TributaryError('SOURCE_AUTHENTICATION', { user: 'reader', host: 'db:5432' }, { cause })
 */
export class TributaryError extends Error {
  override readonly name = 'TributaryError';
  readonly [MARK] = true;
  readonly problem: Problem;

  constructor(code: Code, facts: Facts = {}, options?: { cause?: unknown }) {
    const entry = catalogue[code];
    const problem: Problem = {
      code,
      title: entry.title,
      detail: entry.detail(facts),
      fix: entry.fix(facts),
      origin: entry.origin,
      retryable: entry.retryable,
    };
    super(`${problem.code}: ${problem.title} ${problem.detail}`, options);
    this.problem = problem;
  }

  /** Works across threads' copies of this module, unlike `instanceof`. */
  static is(error: unknown): error is TributaryError {
    return typeof error === 'object' && error !== null && MARK in error;
  }

  /** An error whose problem came from another thread or process. */
  static from(problem: Problem): TributaryError {
    const error = Object.create(TributaryError.prototype) as TributaryError;
    return Object.assign(error, {
      name: 'TributaryError',
      message: `${problem.code}: ${problem.title} ${problem.detail}`,
      problem,
      [MARK]: true,
    });
  }
}

/** The problem of any error; what is not of the catalogue becomes INTERNAL with the cause kept. */
export function problemOf(error: unknown): Problem {
  if (TributaryError.is(error)) return error.problem;
  const message = error instanceof Error ? error.message : String(error);
  return new TributaryError('INTERNAL', { message }, { cause: error }).problem;
}
