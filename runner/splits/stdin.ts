/** What a child is asked: one line of JSON. The end of its input after that says that nobody waits any more. */
import { createInterface } from 'node:readline';
import { TributaryError } from '../core/errors.ts';

export interface Asked {
  /** @throws USAGE */
  readonly question: Readonly<Record<string, unknown>>;
  /** Resolves when the input ends. */
  readonly ended: Promise<void>;
  /** Lets the process end although the input is open. */
  close(): void;
}

/** Longer than any address; what is longer is no question. */
const LONGEST = 16 << 10;

/** @throws USAGE where the first line is no JSON object */
export async function askedOf(input: NodeJS.ReadStream = process.stdin): Promise<Asked> {
  const lines = createInterface({ input });
  const ended = new Promise<void>((resolve) => lines.once('close', () => resolve()));
  const first = await new Promise<string>((resolve) => {
    lines.once('line', resolve);
    lines.once('close', () => resolve(''));
  });
  const question = questionOf(first);
  if (question === null) {
    input.destroy();
    throw new TributaryError('USAGE', {
      reason: 'The first line of the input is no JSON object.',
      advice: 'It is written by what starts the extractor, as {"work":"gs://…/work.json","split":"00012"}.',
    });
  }
  return { question, ended, close: () => void input.destroy() };
}

function questionOf(line: string): Asked['question'] | null {
  try {
    const value = line.length > LONGEST ? null : (JSON.parse(line) as unknown);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Asked['question']) : null;
  } catch {
    return null;
  }
}
