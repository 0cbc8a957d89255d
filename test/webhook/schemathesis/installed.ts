/** Where Schemathesis is: a virtual environment of Python in `.cache`. */
import { join } from 'node:path';
import { findPythonEnvironment, type PythonEnvironment } from '../../setup/python-environment.ts';
import { root } from '../../setup/ways.ts';

export const schemathesis: PythonEnvironment = {
  cache: join(root, '.cache/schemathesis'),
  packages: join(import.meta.dirname, 'requirements.txt'),
};

/** Its Python; `null` where it is missing. */
export function findSchemathesis(): string | null {
  return findPythonEnvironment(schemathesis);
}
