/** Installs the emulators of BigQuery and Cloud Storage where they are missing. */
import { findPython } from '../../setup/programs.ts';
import { getEmulators } from './install.ts';
import { emulatorPlaces } from './installed.ts';

try {
  const python = findPython();
  if (python === null) throw new Error('No Python 3.13 or newer: https://www.python.org/downloads/');
  console.log((await getEmulators({ ...emulatorPlaces, python })).folder);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
