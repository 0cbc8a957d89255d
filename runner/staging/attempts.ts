/** Trying again at Cloud Storage. */
import { type Budget, type Retry, startRetry } from '../core/retry.ts';
import { failureOf, stagingProblem, type Work } from './errors.ts';

/** What is given up is an entry of the catalogue. */
export function startAttempts(work: Work, budget: Budget): Retry {
  return startRetry({
    budget,
    isTransient: (error) => failureOf(error).transient,
    givenUp: (error, tried) => stagingProblem(error, work, tried),
  });
}
