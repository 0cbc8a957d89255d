/** The part of the catalogue that is about the warehouse. */
import type { Entry } from './catalogue.ts';

export const warehouseEntries = {
  WAREHOUSE_BUSY: {
    title: 'Another process holds the warehouse file.',
    origin: 'warehouse',
    retryable: true,
    detail: (f) => `${f.file} is open in ${f.holder}; waited ${f.seconds} s.`,
    fix: () => 'Close the other program, or give --warehouse another file.',
  },
  WAREHOUSE_CORRUPT: {
    title: 'The warehouse file is damaged or not a warehouse.',
    origin: 'warehouse',
    retryable: false,
    detail: (f) => `${f.file} cannot be opened (${f.reason}).`,
    fix: () => 'Restore it from a copy, or move it away: the next run makes a new one and loads from the start.',
  },
  WAREHOUSE_READ_ONLY: {
    title: 'The warehouse cannot be written.',
    origin: 'warehouse',
    retryable: false,
    detail: (f) => `${f.file}: ${f.reason}.`,
    fix: () => 'Give this user write access to the folder and the file, or give --warehouse another place.',
  },
  WAREHOUSE_DISK_FULL: {
    title: 'The disk is full.',
    origin: 'warehouse',
    retryable: true,
    detail: (f) => `Writing ${f.file} failed: ${f.reason}.`,
    fix: () => 'Nothing was committed. Make room, then run again.',
  },
  WAREHOUSE_MEMORY: {
    title: 'The rows need more memory than the runner may take.',
    origin: 'warehouse',
    retryable: false,
    detail: (f) => `${f.reason}.`,
    fix: () => 'Raise TRIBUTARY_MEMORY (for example 1GB), or exclude the widest columns.',
  },
  WAREHOUSE_FAILED: {
    title: 'The warehouse reported an error.',
    origin: 'warehouse',
    retryable: true,
    detail: (f) => `${f.reason}`,
    fix: () => 'Nothing was committed. Correct what it names, then run again.',
  },
  WAREHOUSE_CONFLICT: {
    title: 'Something else changed the table meanwhile.',
    origin: 'warehouse',
    retryable: true,
    detail: (f) => `${f.table} was changed while this run committed.`,
    fix: () => 'Nothing was committed. Run again.',
  },
  UNDO_IMPOSSIBLE: {
    title: 'This run cannot be undone.',
    origin: 'warehouse',
    retryable: false,
    detail: (f) => `Run ${f.run} stays: ${f.reason}.`,
    fix: () => 'Load the stretch again with tributary backfill, or run a replace of the table.',
  },
} satisfies Record<string, Entry>;
