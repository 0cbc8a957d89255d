/** An object of a store as a file that a warehouse may take. */
import type { FilesSpec } from '../../tenants/schema/index.ts';
import type { ObjectStore, StoredObject } from '../core/contracts/object-store.ts';
import type { OfferedFile } from '../core/contracts/offer.ts';
import { readAhead } from '../core/objects/read-ahead.ts';
import { compressionOf, constantsOf } from './select.ts';

export function offered(store: ObjectStore, object: StoredObject, spec: FilesSpec): OfferedFile {
  const uri = store.uri(object.name);
  const { version, bytes, modifiedAt } = object;
  return {
    ...{ uri, version, bytes, modifiedAt },
    constants: constantsOf(object, uri, spec),
    compression: compressionOf(object.name, spec),
    open: (from, signal, to) =>
      readAhead(
        (range, within) => store.open(object, range, within),
        object,
        to === undefined ? { from } : { from, to },
        signal,
      ),
  };
}
