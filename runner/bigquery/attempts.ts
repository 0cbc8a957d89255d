/** Trying again at BigQuery. */
import { type Budget, type Clock, type Retry, startRetry } from '../core/retry.ts';
import { BigqueryFailure, isTransient } from './failure.ts';

/** What is given up is the failure itself, which then knows how often it was met. */
export function startAttempts(clock: Clock, budget: Budget): Retry {
  return startRetry({
    clock,
    budget,
    isTransient,
    givenUp: (error, tried) => {
      if (error instanceof BigqueryFailure) error.tried = tried;
      return error;
    },
  });
}
