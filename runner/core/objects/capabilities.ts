/** What a source of files can, whatever its store; the pages of the connectors say the same. */
import type { SourceCapabilities } from '../contracts/source.ts';

export const filesCapabilities: SourceCapabilities = {
  parallelReaders: false,
  queries: false,
  windows: false,
  lateFields: true,
};
