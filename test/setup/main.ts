/** npm run setup [-- --check] [--yes] [--quiet]: what the checks need, whether it is there, and getting it. */
import { parseArgs } from 'node:util';
import { requirements } from './requirements.ts';
import { setup } from './setup.ts';

const { values } = parseArgs({
  options: {
    /** List only; the default without --yes. */
    check: { type: 'boolean', default: false },
    yes: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
});

process.exitCode = setup(requirements, {
  yes: values.yes && !values.check,
  quiet: values.quiet,
  say: (line) => console.log(line),
});
