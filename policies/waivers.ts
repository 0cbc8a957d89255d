/** Reviewed exceptions from rules, each until a day. */
import { parseDocument } from 'yaml';
import { matchesGlob } from './rule.ts';

export interface Waiver {
  readonly rule: string;
  /** Pattern of urns; `*` stands for anything. */
  readonly urn: string;
  readonly reason: string;
  /** The last day on which it counts, in UTC: `2026-12-31`. */
  readonly expires: string;
}

const FIELDS = ['rule', 'urn', 'reason', 'expires'] as const;

/**
 * Reads waivers.yaml: a list of `{rule, urn, reason, expires}`.
 *
 * @param ruleIds the rules that there are
 * @throws Error that names each entry that is not right, and what to write
 */
export function parseWaivers(text: string, ruleIds: ReadonlySet<string>): readonly Waiver[] {
  const document = parseDocument(text, { schema: 'failsafe' });
  const broken = document.errors.map(({ message }) => message);
  const data = broken.length === 0 ? (document.toJS() as unknown) : [];
  if (data === null || data === '') return [];
  const entries = Array.isArray(data) ? (data as readonly unknown[]) : [];
  if (!Array.isArray(data)) broken.push('the file must be a list of {rule, urn, reason, expires}');
  broken.push(
    ...entries.flatMap((entry, index) => faults(entry, ruleIds).map((fault) => `entry ${index + 1}: ${fault}`)),
  );
  if (broken.length > 0) throw new Error(`waivers.yaml is not valid:\n${broken.map((line) => `- ${line}`).join('\n')}`);
  return entries as readonly Waiver[];
}

export function isExpired({ expires }: Waiver, today: Date): boolean {
  return today.toISOString().slice(0, 10) > expires;
}

/** The waivers that speak of a violation, expired ones too. */
export function waiversOf(waivers: readonly Waiver[], rule: string, urn: string): readonly Waiver[] {
  return waivers.filter((waiver) => waiver.rule === rule && matchesGlob(urn, waiver.urn));
}

function faults(entry: unknown, ruleIds: ReadonlySet<string>): string[] {
  if (typeof entry !== 'object' || entry === null) return ['must be {rule, urn, reason, expires}'];
  const given = entry as Record<string, unknown>;
  const missing = FIELDS.filter((field) => typeof given[field] !== 'string' || given[field] === '');
  const unknown = Object.keys(given).filter((field) => !FIELDS.some((name) => name === field));
  const found = [
    ...missing.map((field) => `${field} is missing`),
    ...unknown.map((field) => `${field} means nothing here`),
  ];
  if (found.length > 0) return found;
  if (!ruleIds.has(String(given.rule))) found.push(`there is no rule ${given.rule}`);
  if (!isDay(String(given.expires))) found.push(`expires must be a day like 2026-12-31, not ${given.expires}`);
  return found;
}

function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}
