/** The wire between one process and the emulators: a fault proxy before each, and all calls of both in their order. */
import type { FaultRule, StruckCall } from '../cloud/emulators/fault.ts';
import { type ProxyCall, startProxy } from '../cloud/emulators/proxy.ts';
import type { Emulators } from './emulators.ts';
import { stepOf } from './steps.ts';

export interface WireCall extends ProxyCall {
  readonly step: string;
}

export interface Wire extends AsyncDisposable {
  /** What the process has to have in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Calls since the last reset. */
  readonly calls: readonly WireCall[];
  /** @param step of {@link stepOf}, or what its name looks like */
  fault(step: string | RegExp, rule: Omit<FaultRule, 'when'>): void;
  /** Forgets rules and calls; from now on the servers' clock is off. */
  reset(skewHours?: number): void;
}

export async function openWire(emulators: Emulators): Promise<Wire> {
  const bigquery = await startProxy(emulators.bigquery.host);
  const storage = await startProxy(emulators.storage.host);
  const both = [bigquery, storage];
  const steps = (proxy: typeof bigquery) => (call: StruckCall | ProxyCall) =>
    stepOf({
      server: proxy === bigquery ? 'bigquery' : 'storage',
      method: call.method,
      path: call.url,
      jobId: call.jobId,
    });
  return {
    environment: { BIGQUERY_EMULATOR_HOST: bigquery.host, STORAGE_EMULATOR_HOST: storage.host },
    get calls() {
      return both
        .flatMap((proxy) => proxy.calls.map((call) => ({ ...call, step: steps(proxy)(call) })))
        .toSorted((a, b) => a.at.getTime() - b.at.getTime());
    },
    fault(step, rule) {
      const fits = (found: string) => (typeof step === 'string' ? found === step : step.test(found));
      for (const proxy of both) proxy.fault({ ...rule, when: (call) => fits(steps(proxy)(call)) });
    },
    reset(skewHours = 0) {
      for (const proxy of both) {
        proxy.reset();
        proxy.skew(skewHours);
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(both.map((proxy) => proxy.stop()));
    },
  };
}
