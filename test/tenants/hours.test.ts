import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOpen, nextOpening } from '../../tenants/hours.ts';
import type { HoursSpec } from '../../tenants/schema/index.ts';

const NIGHT: HoursSpec = { from: '22:00', to: '06:00', timeZone: 'Europe/Warsaw' };

describe('hours of a server', () => {
  it.each([
    // Warsaw is two hours ahead of UTC in summer, one in winter.
    ['2026-07-01T19:59:59Z', false, '2026-07-01T20:00:00.000Z'],
    ['2026-07-01T20:00:00Z', true, '2026-07-01T20:00:00.000Z'],
    ['2026-07-01T23:30:00Z', true, '2026-07-01T23:30:00.000Z'],
    ['2026-07-02T03:59:59Z', true, '2026-07-02T03:59:59.000Z'],
    ['2026-07-02T04:00:00Z', false, '2026-07-02T20:00:00.000Z'],
    ['2026-12-01T20:30:00Z', false, '2026-12-01T21:00:00.000Z'],
  ])('go over midnight, by the clocks there: %s', (at, open, next) => {
    expect(isOpen(NIGHT, new Date(at))).toBe(open);
    expect(nextOpening(NIGHT, new Date(at)).toISOString()).toBe(next);
  });

  it('wait a day where the clocks leave them out', () => {
    const gone: HoursSpec = { from: '02:00', to: '03:00', timeZone: 'Europe/Warsaw' };
    expect(nextOpening(gone, new Date('2026-03-28T12:00:00Z')).toISOString()).toBe('2026-03-30T00:00:00.000Z');
  });

  it('open at the first minute that is in them, wherever and whenever', () => {
    const time = fc.integer({ min: 0, max: 1439 }).map((m) => new Date(m * 60_000).toISOString().slice(11, 16));
    const zones = fc.constantFrom('UTC', 'Europe/Warsaw', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Apia');
    const moment = fc.date({ min: new Date('2024-01-01'), max: new Date('2028-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(time, time, zones, moment, (from, to, timeZone, at) => {
        fc.pre(from !== to);
        const hours = { from, to, timeZone };
        const next = nextOpening(hours, at);
        expect(isOpen(hours, next)).toBe(true);
        expect(next.getTime()).toBeGreaterThanOrEqual(at.getTime());
        if (next.getTime() > at.getTime()) {
          expect(isOpen(hours, at)).toBe(false);
          expect(isOpen(hours, new Date(next.getTime() - 60_000))).toBe(false);
        }
      }),
      { numRuns: 150 },
    );
  });
});
