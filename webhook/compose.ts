/** Settings → the parts of the service, each loaded only where it is used. */
import { resolve } from 'node:path';
import type { RunStore } from '../runner/core/contracts/run-store.ts';
import type { TenantStore } from '../runner/core/contracts/tenant-store.ts';
import { problemOf } from '../runner/core/errors.ts';
import { launcherSettings, openLauncher } from '../runner/launchers/registry.ts';
import type { Traces } from '../runner/telemetry/traces.ts';
import type { Authenticator } from './auth/caller.ts';
import { createControl } from './control/control.ts';
import type { Dependencies } from './dependencies.ts';
import { openNotifiers } from './notices/registry.ts';
import { observability } from './observability.ts';
import { happeningText, startLaptopScheduler } from './scheduler/laptop.ts';
import { gatedLauncher, stopRuns } from './scheduler/stop.ts';
import type { Environment, ServerSettings } from './settings.ts';
import { tenantReader } from './tenants.ts';

export interface Service extends AsyncDisposable {
  readonly dependencies: Dependencies;
  /** Schedules fire and the sweep goes round, where this process does that. */
  begin(): void;
  /** Begins nothing any more. @param runs whether the runs of this machine are told to stop and waited for */
  quiet(runs: boolean): Promise<void>;
}

export interface Around {
  readonly env: Environment;
  /** Where this service answers. */
  readonly url: string;
  /** Path of the runner, for a launcher of this machine. */
  readonly runner: string;
}

const STOP_SECONDS = 20;

export async function compose(settings: ServerSettings, around: Around): Promise<Service> {
  const { env, url, runner } = around;
  const owned = new AsyncDisposableStack();
  const { log, metrics, audit, observe } = observability();
  const traces = owned.adopt(await openTraces(env), (open) => open?.[Symbol.asyncDispose]());
  const store = owned.use(await openStore(settings));
  const tenants = owned.use(await openTenants(settings));
  const local = () => ({
    command: [process.execPath, runner] as [string, string],
    folder: resolve(env.TRIBUTARY_EXECUTIONS || '.tributary/executions'),
    environment: runnerEnvironment(env, url),
    inherit: ['TRIBUTARY_SECRET_*', 'TRIBUTARY_MEMORY', 'TRIBUTARY_VECTOR_PATH', 'TRIBUTARY_RETRY_SECONDS', 'OTEL_*'],
  });
  const open = tenantReader(tenants);
  const projectOf = async (tenant: string) => {
    const found = await open(tenant);
    return found === null ? null : (found.file.tenant?.project ?? settings.project);
  };
  const launcher = gatedLauncher(owned.use(await openLauncher(launcherSettings(env, local))));
  const control = createControl({
    ...{ store, tenants, launcher, notifiers: openNotifiers(env, { projectOf }), project: settings.project },
    observe,
    link: (runId) => `${env.TRIBUTARY_PUBLIC_URL || url}/v1/runs/${runId}`,
  });
  const authenticator = await openAuthenticator(settings, env, tenants);
  const now = () => new Date();
  const dependencies = {
    store,
    tenants,
    control,
    authenticator,
    audit,
    log,
    metrics,
    traces,
    now,
    settings: settings.app,
  };
  const stopping = new AbortController();
  let sweeping = Promise.resolve();
  const scheduled = new AsyncDisposableStack();
  return {
    dependencies,
    begin() {
      if (settings.sweepSeconds > 0) sweeping = sweepAgain(dependencies, settings.sweepSeconds, stopping.signal);
      if (settings.scheduler) {
        const onHappening = (happening: Parameters<typeof happeningText>[0]) => {
          const text = happeningText(happening);
          if (text) log.info({}, text);
        };
        scheduled.use(startLaptopScheduler({ tenants, control, onHappening }));
      }
    },
    async quiet(runs) {
      launcher.shut();
      stopping.abort();
      await scheduled.disposeAsync();
      if (runs) await stopRuns({ store, launcher, seconds: STOP_SECONDS });
      await sweeping;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function sweepAgain({ control, log }: Dependencies, seconds: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await control.sweep().catch((error: unknown) => log.error({ problem: problemOf(error) }, 'the sweep failed'));
    await pause(seconds * 1000, signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) return done();
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      done();
    });
  });
}

/** Nothing of it is loaded where no collector listens. */
async function openTraces(env: Environment): Promise<Traces | undefined> {
  if (!env.OTEL_EXPORTER_OTLP_ENDPOINT) return undefined;
  return (await import('../runner/telemetry/traces.ts')).openTraces('tributary-webhook', env);
}

async function openAuthenticator(
  settings: ServerSettings,
  env: Environment,
  tenants: TenantStore,
): Promise<Authenticator> {
  if (settings.auth === 'laptop') return (await import('./auth/laptop.ts')).laptopAuthenticator();
  const { authenticator, authSettings } = await import('./auth/authenticator.ts');
  const { knownAccounts } = await import('./auth/accounts.ts');
  return authenticator(authSettings(env), knownAccounts(tenants, settings.project));
}

async function openStore({ store }: ServerSettings): Promise<RunStore> {
  if (store.kind === 'sqlite') {
    const { openSqliteStore } = await import('../runner/stores/sqlite.ts');
    return openSqliteStore(store.file, { onBehalf: true });
  }
  const { openFirestoreStore } = await import('../runner/stores/firestore/index.ts');
  return openFirestoreStore({ project: store.project, database: store.database });
}

async function openTenants({ tenants }: ServerSettings): Promise<TenantStore> {
  if (tenants.kind === 'folder')
    return (await import('../runner/stores/tenants/folder.ts')).openFolderTenants(tenants.folder);
  const { openBucketTenants } = await import('../runner/stores/tenants/bucket.ts');
  return openBucketTenants({ bucket: tenants.bucket });
}

const PASSED = [
  ...['TRIBUTARY_WAREHOUSE', 'TRIBUTARY_SECRETS', 'TRIBUTARY_DEPLOYER', 'TRIBUTARY_ENV', 'TRIBUTARY_PROJECT'],
  ...['TRIBUTARY_TENANTS', 'NODE_COMPILE_CACHE'],
] as const;

/** What a runner of this machine is told; what a job of the cloud gets, its component says. */
function runnerEnvironment(env: Environment, url: string): Record<string, string> {
  const said = PASSED.flatMap((name) => (env[name] ? [[name, env[name]]] : []));
  return { TRIBUTARY_WEBHOOK_URL: url, TRIBUTARY_WEBHOOK_AUTH: 'none', ...Object.fromEntries(said) };
}
