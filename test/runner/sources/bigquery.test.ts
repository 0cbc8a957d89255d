import { sourceSuite } from '../../contracts/source.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { startBigquerySource } from './bigquery-fixture.ts';

const NO_IAM = 'the emulator asks nobody who he is';

describeWith(['emulators'], 'BigQuery as a source', () => {
  sourceSuite('BigQuery', startBigquerySource, {
    permissions: NO_IAM,
    columnRights: NO_IAM,
    emojiNames: 'BigQuery takes letters, digits, blanks and dashes only',
    caseObjects: 'the emulator has one name for both; BigQuery has two',
    caseColumns: 'columns of a table differ in more than their case in BigQuery',
    cut: 'one HTTP request a call; a stream that breaks is taken up where it was',
  });
});
