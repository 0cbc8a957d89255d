/** Notices in words, for people. Pure. */
import type { Notice, NoticeType } from '../../runner/core/contracts/notice.ts';

const WORDS: Readonly<Record<NoticeType, string>> = {
  'run.started': 'started',
  'run.succeeded': 'succeeded',
  'run.failed': 'failed',
  'run.refused': 'was refused',
  'run.interrupted': 'was interrupted',
  'run.landed': 'has new rows',
  'schedule.missed': 'was not called by its schedule',
};

const COUNTED: Readonly<Record<NoticeType, string>> = {
  'run.started': 'started',
  'run.succeeded': 'succeeded',
  'run.failed': 'failed',
  'run.refused': 'refused',
  'run.interrupted': 'interrupted',
  'run.landed': 'with new rows',
  'schedule.missed': 'missed by their schedule',
};

export interface Paragraph {
  /** Stands out. */
  readonly head: string;
  readonly lines: readonly string[];
  readonly link: string | null;
}

export interface Message {
  /** All of it in a line, for where there is only one. */
  readonly title: string;
  readonly paragraphs: readonly Paragraph[];
}

/** So many kinds of trouble are told apart in a digest, and so many sources named for each. */
const MOST_GROUPS = 10;
const MOST_NAMES = 8;

export function messageOf(notices: readonly Notice[]): Message {
  const [only] = notices;
  if (notices.length === 1 && only !== undefined) {
    const head = headOf(only);
    return { title: head, paragraphs: [{ head, lines: linesOf(only), link: only.link }] };
  }
  return digestOf(notices);
}

function headOf(notice: Notice): string {
  const { type, problem } = notice;
  const why = problem === null ? '' : `: ${problem.title}`;
  return `${whatOf(notice)} ${WORDS[type]}${why}`;
}

/** The entry of the catalogue, and what became of the data. */
function linesOf({ problem, dataState, runId }: Notice): string[] {
  return [
    ...(problem === null ? [] : [problem.detail, `Do this: ${problem.fix}`]),
    `Data: ${dataState}`,
    ...(runId === null ? [] : [`Run ${runId}${problem === null ? '' : ` · ${problem.code}`}`]),
  ];
}

function digestOf(notices: readonly Notice[]): Message {
  const types = counted(notices.map(({ type }) => COUNTED[type]));
  const title = `${notices.length} runs: ${types.map(([word, count]) => `${count} ${word}`).join(', ')}`;
  const groups = Map.groupBy(notices, ({ type, problem }) => `${type} ${problem?.code ?? ''}`);
  const ordered = [...groups.values()].sort((a, b) => b.length - a.length);
  const paragraphs = ordered.slice(0, MOST_GROUPS).map(paragraphOf);
  const rest = ordered.slice(MOST_GROUPS).flat().length;
  if (rest > 0) paragraphs.push({ head: `And ${rest} more`, lines: ['See them: tributary runs <tenant>'], link: null });
  return { title, paragraphs };
}

function paragraphOf(group: readonly Notice[]): Paragraph {
  const [first] = group;
  if (first === undefined) return { head: '', lines: [], link: null };
  if (group.length === 1) return { head: headOf(first), lines: linesOf(first), link: first.link };
  const names = counted(group.map(whatOf)).map(([name, count]) => (count === 1 ? name : `${name} (${count} times)`));
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  const { problem, type } = first;
  const states = new Set(group.map(({ dataState }) => dataState));
  return {
    head: `${group.length} ${COUNTED[type]}${problem === null ? '' : `: ${problem.title}`}`,
    lines: [
      `${names.slice(0, MOST_NAMES).join(', ')}${more}`,
      ...(problem === null ? [] : [`Do this: ${problem.fix}`]),
      ...(states.size === 1 ? [`Data: ${first.dataState}`] : []),
      ...(problem === null ? [] : [problem.code]),
    ],
    link: null,
  };
}

function whatOf({ tenant, source }: Notice): string {
  return source === '' ? tenant : `${tenant}/${source}`;
}

/** How often each text comes, the most frequent first. */
function counted(texts: readonly string[]): [string, number][] {
  const groups = Map.groupBy(texts, (text) => text);
  return [...groups].map(([text, all]): [string, number] => [text, all.length]).sort((a, b) => b[1] - a[1]);
}
