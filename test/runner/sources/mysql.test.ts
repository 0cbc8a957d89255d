import { sourceSuite } from '../../contracts/source.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { startMysqlSource } from './mysql-fixture.ts';

describeWith(['mariadb'], 'with a server', () => {
  sourceSuite('MySQL', startMysqlSource, {
    parallelReaders: 'a snapshot is of one connection',
    emojiNames: 'names are of the basic plane of Unicode',
    caseColumns: 'names of columns have no case',
  });
});
