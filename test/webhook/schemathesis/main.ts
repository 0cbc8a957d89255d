/** Installs Schemathesis from PyPI where it is missing, once for this checkout. */
import { findPython } from '../../setup/programs.ts';
import { getPythonEnvironment } from '../../setup/python-environment.ts';
import { schemathesis } from './installed.ts';

try {
  const python = findPython();
  if (python === null) throw new Error('No Python 3.13 or newer: https://www.python.org/downloads/');
  console.log(await getPythonEnvironment(schemathesis, python));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
