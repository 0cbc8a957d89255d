import { splitsSuite } from '../../contracts/source-splits.ts';
import { CLERK_TITLES, OWNER_TITLES, startPostgresSplits } from './postgres-splits.ts';

splitsSuite('PostgreSQL', () => startPostgresSplits('owner'), { cases: OWNER_TITLES });
splitsSuite('PostgreSQL, of some columns', () => startPostgresSplits('clerk'), { cases: CLERK_TITLES });
