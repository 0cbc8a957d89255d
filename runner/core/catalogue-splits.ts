/** The part of the catalogue that is about reads in pieces, in the order in which a run meets them. */
import type { Entry } from './catalogue.ts';

export const splitEntries = {
  SPLIT_UNKNOWN: {
    title: 'There is no such piece of the read.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.work} has no split ${f.split}.`,
    fix: () => 'Start the run again; what carries out its pieces is told by the runner which they are.',
  },
  SPLIT_LOST: {
    title: 'What made the pieces one read is gone.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `A piece of ${f.object} cannot be read any more as all others were: ${f.reason}.`,
    fix: () => 'Nothing was committed. Run again: the next run reads all pieces anew.',
  },
  SPLIT_DIED: {
    title: 'The process that read a piece ended without a result.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `Split ${f.split}: ${f.end}.`,
    fix: () =>
      'Where memory ran out, give the workers a larger machine; the log of the worker says more. Nothing was committed: run again.',
  },
  SPLIT_SILENT: {
    title: 'The process that read a piece said nothing for too long and was ended.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `Split ${f.split}: no sign of life for ${f.seconds} s.`,
    fix: () => 'Look into the log of the worker for what it waits for. Nothing was committed: run again.',
  },
  SPLITS_INCOMPLETE: {
    title: 'Pieces of the read are missing.',
    origin: 'platform',
    retryable: true,
    detail: (f) =>
      `${f.missing} of ${f.splits} pieces have no result (${f.named}) although their job ended. Its work is ${f.job}.`,
    fix: () => 'Nothing was committed. Look into the log of the job; run again when its cause is gone.',
  },
} satisfies Record<string, Entry>;
