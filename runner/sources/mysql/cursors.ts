/** Ranks columns that only grow; a score has a meaning only beside the others. Pure. */
import type { CursorCandidate } from '../../core/contracts/source.ts';
import { CURSOR_TYPE } from './types.ts';

export interface Candidate {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  readonly indexed: boolean;
  readonly foreign: boolean;
  /** As `information_schema` has it: `auto_increment`, `on update current_timestamp()`. */
  readonly extra: string;
  /** Different values by the statistics of its index. */
  readonly cardinality: number | null;
  readonly rows: number | null;
}

const POINTS: Readonly<Record<string, number>> = {
  timestamp: 20,
  datetime: 17,
  bigint: 12,
  int: 10,
  mediumint: 6,
  date: 8,
  smallint: 2,
  tinyint: 0,
};
const FEW = 20;

export function candidates(columns: readonly Candidate[]): CursorCandidate[] {
  return columns
    .filter(({ type }) => CURSOR_TYPE.test(type))
    .map(rank)
    .sort((a, b) => b.score - a.score);
}

function rank(column: Candidate): CursorCandidate {
  const { name, type, indexed, notNull, foreign, extra, cardinality, rows } = column;
  const integer = /int\b/.test(type);
  const drawn = /auto_increment/i.test(extra);
  const touched = /on update current_timestamp/i.test(extra);
  const few = integer && cardinality !== null && rows !== null && cardinality < FEW && rows > FEW * FEW;
  const marks: (readonly [when: boolean, points: number, words: string])[] = [
    [indexed, 40, 'indexed'],
    [!indexed, 0, 'no index'],
    [notNull, 20, 'not null'],
    [!notNull, 0, 'may be null'],
    [true, POINTS[/^[a-z]+/.exec(type)?.[0] ?? ''] ?? 0, type],
    [touched, 35, 'the server moves it with updates'],
    [!integer && !touched && /(updated|modified|changed|last_?change|mtime)/i.test(name), 30, 'moves with updates'],
    [!integer && /(created|inserted)/i.test(name), 12, 'sees new rows only'],
    [integer && drawn, 10, 'auto_increment, sees new rows only'],
    [integer && !drawn && name !== 'id', -25, 'not auto_increment'],
    [foreign, -40, 'a foreign key'],
    [few, -30, 'few different values'],
  ];
  const held = marks.filter(([when]) => when);
  return {
    column: name,
    reason: held.map(([, , words]) => words).join(', '),
    score: held.reduce((sum, [, points]) => sum + points, 0),
  };
}
