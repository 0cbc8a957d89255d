/** What Pulumi.yaml names, in JavaScript: it says what is missing where Node does not run TypeScript. */
import { RunError } from '@pulumi/pulumi';

if (!process.features.typescript) {
  throw new RunError(`Tributary needs Node 22.18 or newer; the first node on PATH, which Pulumi runs, is ${process.version}.
    fix: npm install, then export PATH="$PWD/node_modules/.bin:$PATH"`);
}

const { program } = await import('./index.ts');
export default program;
