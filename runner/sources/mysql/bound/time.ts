/** The bound of a cursor of timestamps or dates. */
import type { UpperBound } from '../../../core/contracts/source.ts';
import { rows, type Session } from '../connect.ts';
import { type Scope, writersLeft } from './upper-bound.ts';

/** Who is still writing then holds the bound back, and need not be waited for. */
const MOST_WAIT_MS = 2_000;
/** Quarters of an hour after a moment, in which a clock may go back. */
const QUARTERS = Array.from({ length: 13 }, (_, quarter) => quarter);

/**
 * A writer stamps its rows no earlier than its statement began (`NOW()`). `t` is the clock; then everybody who may have
 * begun before is listed. Once they are gone, whatever is below `t` was committed, so the later snapshot has it. Where
 * some stay, the bound is before the oldest of them, by the safety lag: a statement may have waited for a lock before its
 * transaction began. The bound is cut to the digits of the column, and a column without zone gets the smallest local time
 * that a later moment can have, also when clocks go back.
 */
export async function timeBound(scope: Scope, type: string): Promise<UpperBound> {
  const { session, lagSeconds, behind } = scope;
  const [clock] = await rows<{ now: string }>(session.client, 'SELECT CAST(UNIX_TIMESTAMP(NOW(6)) AS CHAR) AS now');
  const now = clock?.now ?? '0';
  const left = await writersLeft(scope, Math.min(scope.waitMs, MOST_WAIT_MS));
  if (typeof left === 'string') {
    const distance = Number(lagSeconds) + behind;
    const { to, zone } = await render(session, type, `${now} - ${distance}`);
    return { to, proof: 'lag', reason: `${distance} s before the clock: ${left}${zone}` };
  }
  const oldest = left.reduce(
    (least, one) => (one.since < least.since ? one : least),
    left[0] ?? { since: 0, thread: '' },
  );
  if (left.length === 0) {
    const { to, zone } = await render(session, type, now);
    return { to, proof: 'writers', reason: `${to}: every transaction open then has ended${zone}` };
  }
  const { to, zone } = await render(session, type, `LEAST(${oldest.since}, ${now}) - ${Number(lagSeconds)}`);
  const who = oldest.thread === '0' ? 'a prepared transaction is open' : `connection ${oldest.thread} has been writing`;
  return { to, proof: 'writers', reason: `${who} since ${lagSeconds} s after ${to}${zone}` };
}

/** The moment (seconds of the epoch, in SQL) as the column would hold it, and what that supposes of the writers' zone. */
async function render(session: Session, type: string, moment: string): Promise<{ to: string; zone: string }> {
  const digits = Number(/\((\d)\)/.exec(type)?.[1] ?? 0);
  const utc = `(TIMESTAMP'1970-01-01 00:00:00' + INTERVAL (${moment}) SECOND)`;
  if (type.startsWith('timestamp')) {
    const [found] = await rows<{ to: string }>(session.client, `SELECT ${text(utc)} AS \`to\``);
    return { to: `${cut(found?.to ?? '', digits)}+00`, zone: '' };
  }
  const later = QUARTERS.map((quarter) => {
    const at =
      quarter === 0
        ? utc
        : `(TIMESTAMP'1970-01-01 00:00:00' + INTERVAL (FLOOR((${moment}) / 900) + ${quarter}) * 900 SECOND)`;
    return `CONVERT_TZ(${at}, '+00:00', @@GLOBAL.time_zone)`;
  });
  const [found] = await rows<{ to: string; zone: string; system: string }>(
    session.client,
    `SELECT ${text(`LEAST(${later.join(', ')})`)} AS \`to\`, @@GLOBAL.time_zone AS zone, @@system_time_zone AS \`system\``,
  );
  const { to = '', zone = '', system = '' } = found ?? {};
  const where = zone === 'SYSTEM' ? system : zone;
  return {
    to: type === 'date' ? to.slice(0, 10) : cut(to, digits),
    zone: `; local time of the server (${where}), writers in other zones are not covered`,
  };
}

const text = (moment: string) => `DATE_FORMAT(${moment}, '%Y-%m-%d %H:%i:%s.%f')`;

/** Cut, not rounded: what is written later is not below it, however the column rounds. */
function cut(moment: string, digits: number): string {
  return digits === 0 ? moment.slice(0, 19) : moment.slice(0, 20 + digits);
}
