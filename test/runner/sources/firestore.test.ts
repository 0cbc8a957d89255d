import { sourceSuite } from '../../contracts/source.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { startFirestoreSource } from './firestore-fixture.ts';

describeWith(['firestore'], 'Firestore', () => {
  sourceSuite('Firestore', startFirestoreSource, {
    queries: 'Firestore has no SQL',
    permissions: 'the emulator lets everybody in',
    columnRights: 'Firestore has no rights on single fields',
    keys: 'the key is the path of a document, whatever its fields are',
    nulls: 'any document may lack any field',
    longText: 'a document has 1 MiB at most',
    million: 'the emulator takes minutes and all its memory to be given a million documents',
    absence: 'a collection that is not there is one without documents',
    cut: 'a stream that is cut goes on by itself: firestore-runs.test.ts',
  });
});
