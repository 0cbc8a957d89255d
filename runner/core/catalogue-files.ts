/** The part of the catalogue that is about files as they are read, in the order in which a run meets them. */
import type { Entry } from './catalogue.ts';

export const fileEntries = {
  FILES_NONE: {
    title: 'There is no file to learn the columns from.',
    origin: 'source',
    retryable: true,
    detail: (f) => `No object of ${f.where} fits ${f.match}.${f.young ? ` ${f.young} younger than settleFor.` : ''}`,
    fix: () =>
      'Check `prefix` and `match`: tributary discover <tenant> <connection>. Or run again when a file is there.',
  },
  FILE_UNREADABLE: {
    title: 'A file is not what its format says.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.file}: ${f.reason}.`,
    fix: () =>
      'Nothing was committed. Have the file delivered again, keep it out by `prefix` and `match`, or correct `format` and `csv`; compression follows the ending of the name.',
  },
  FILE_ROW_MALFORMED: {
    title: 'A row of a file cannot be cut into columns.',
    origin: 'source',
    retryable: false,
    detail: (f) => `${f.file}, line ${f.line}: ${f.reason}.`,
    fix: () =>
      'The row lies in _quarantine with its line. Have the file corrected and delivered again: a new version is loaded as a new file.',
  },
} satisfies Record<string, Entry>;
