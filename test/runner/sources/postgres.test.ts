import { sourceSuite } from '../../contracts/source.ts';
import { startPostgresSource } from './postgres-fixture.ts';

sourceSuite('PostgreSQL', startPostgresSource);
