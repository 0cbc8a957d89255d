/**
 * Who uses the work that a process of a run has laid down. A process that takes the run up again may go on with it, while
 * the first one, which has lost the lease, clears away behind itself: of the two the one that says so first has its way.
 */
import { type JsonObjects, NOTHING } from './json-objects.ts';
import { fields } from './split-objects.ts';

interface Owner {
  readonly token: number;
  /** Its objects are being removed. */
  readonly dropped: boolean;
}

export const OWNER = 'splits/owner.json';

/** Before a work is laid down there. @param folder of the process that lays it down: `acme/orders/r1/7/` */
export async function found(objects: JsonObjects, folder: string, token: number): Promise<void> {
  await objects.write(`${folder}${OWNER}`, { token, dropped: false } satisfies Owner, NOTHING);
}

/** Whether this process may go on with the work. */
export async function claim(objects: JsonObjects, folder: string, token: number): Promise<boolean> {
  return await own(objects, folder, { token, dropped: false });
}

/** Whether this process may remove the folder; nobody takes it up from then on. */
export async function release(objects: JsonObjects, folder: string, token: number): Promise<boolean> {
  return await own(objects, folder, { token, dropped: true });
}

async function own(objects: JsonObjects, folder: string, wanted: Owner): Promise<boolean> {
  for (;;) {
    const seen = await objects.look(`${folder}${OWNER}`);
    if (seen === null) return false;
    const { token, dropped } = ownerOf(seen.value);
    if (token > wanted.token || (dropped && !wanted.dropped)) return false;
    if (token === wanted.token && dropped === wanted.dropped) return true;
    if (await objects.write(`${folder}${OWNER}`, wanted, seen.generation)) return true;
  }
}

function ownerOf(value: unknown): Owner {
  const { token, dropped } = fields(value);
  return { token: Number(token ?? 0), dropped: dropped === true };
}
