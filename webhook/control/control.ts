import { acceptOrder, acceptTick } from './accept.ts';
import { cancel } from './cancel.ts';
import { type ControlDeps, contextOf } from './context.ts';
import type { ControlPlane } from './contract.ts';
import { ended, started } from './ended.ts';
import { sweep } from './sweep.ts';

/**
 * Starts runs and looks after them, with nothing in its own memory that it would need after a restart.
 *
 * @example const control = createControl({ store, tenants, launcher, notifiers: [], project: 'tributary-dev' });
 */
export function createControl(deps: ControlDeps): ControlPlane {
  const control = contextOf(deps);
  return {
    trigger: (tick) => acceptTick(control, tick, 'schedule'),
    order: (run, key) => acceptOrder(control, run, key),
    cancel: (runId) => cancel(control, runId),
    started: (runId) => started(control, runId),
    ended: (runId) => ended(control, runId),
    sweep: () => sweep(control),
  };
}
