/** Where Apache Beam is: a virtual environment of Python in `.cache`. */
import { join } from 'node:path';
import { findPythonEnvironment, type PythonEnvironment } from '../../../setup/python-environment.ts';
import { root } from '../../../setup/ways.ts';

export const beam: PythonEnvironment = {
  cache: join(root, '.cache/beam'),
  packages: join(import.meta.dirname, 'requirements.txt'),
};

/** The Python that has it; `null` where it is missing. */
export function findBeam(): string | null {
  return findPythonEnvironment(beam);
}
