/** npm run engine [-- --json]: path and version of the Pulumi CLI of the suites; builds it where it is missing. */
import { parseArgs } from 'node:util';
import { getEngine, hereOptions } from './engine-build.ts';

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });

try {
  const engine = await getEngine(hereOptions((line) => console.error(line)));
  console.log(values.json ? JSON.stringify(engine) : `${engine.path} ${engine.version} (${engine.origin})`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
