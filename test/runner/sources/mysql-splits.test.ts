import { splitsSuite } from '../../contracts/source-splits.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { startMysqlSplits, TITLES } from './mysql-splits.ts';

describeWith(['mariadb'], 'with a server', () => {
  splitsSuite('MySQL', startMysqlSplits, { cases: TITLES });
});
