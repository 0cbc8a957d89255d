/** What is said where a run may not begin, or not where it is asked to. */
import type { Entry } from './catalogue.ts';

export const modeEntries = {
  BRAKE_HOURS: {
    title: 'The server may not be read at this hour.',
    origin: 'tenant',
    retryable: true,
    detail: (f) =>
      `connections.${f.connection}.protect.hours lets runs begin from ${f.from} to ${f.to} (${f.timeZone}). They open at ${f.opens}.`,
    fix: (f) =>
      `Nothing was asked of the server. Run it after ${f.opens}, give ${f.source} a schedule within these hours, or change them in the tenant file.`,
  },
  MODE_IMPOSSIBLE: {
    title: 'The run cannot be executed where the tenant file asks.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.source} has execution.mode: ${f.mode}, but ${f.reason}.`,
    fix: (f) => `Nothing was read. ${f.advice ?? 'Write execution: {mode: auto}; the rows are the same.'}`,
  },
} satisfies Record<string, Entry>;
