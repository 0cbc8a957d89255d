import { z } from 'zod';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
const PATTERN = /^(\d{1,6})([smhd])$/;

/** A length of time as a person writes it: a whole number and `s`, `m`, `h` or `d`. What is none is asked for no bounds. */
export const durationSchema = z
  .string()
  .regex(PATTERN, { error: 'must be a whole number and s, m, h or d', abort: true });

/**
 * The seconds of a duration of the tenant file.
 *
 * @example durationSeconds('10m') // 600
 */
export function durationSeconds(duration: string): number {
  const [, amount, unit] = PATTERN.exec(duration) ?? [];
  if (amount === undefined) throw new RangeError(`not a duration: ${duration}`);
  return Number(amount) * SECONDS[unit as keyof typeof SECONDS];
}
