/** Asking the person at the terminal. */
import { createInterface } from 'node:readline/promises';

/** True where somebody typed exactly this word; nobody is asked where no terminal is. */
export async function confirmed(question: string, word: string): Promise<boolean> {
  if (process.stdin.isTTY !== true) return false;
  using lines = createInterface({ input: process.stdin, output: process.stderr });
  return (await lines.question(question)).trim() === word;
}
