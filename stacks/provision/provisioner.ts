/** Many stacks at once: one child process each, a few at a time, in waves, stopped by the first surprise. */
import { join } from 'node:path';
import { platformStack, tenantStack } from '../../tenants/naming.ts';
import type { TenantSpec } from '../../tenants/schema/index.ts';
import { changedSince, remember } from './approval.ts';
import { hashOf, isFailure, listStacks, platformOutputs } from './backend.ts';
import { Nursery } from './children.ts';
import type {
  ActiveRun,
  Engine,
  Operation,
  PolicyPack,
  PreviewResult,
  ProvisionEvent,
  StackFailure,
  StackOutcome,
  StackRequest,
  StackTarget,
} from './contract.ts';
import { jointDigest } from './digest.ts';
import { adoptSettings, findEngine } from './engine.ts';
import { fixedLimits, needsOf, type QuotaReader, shortages } from './quota.ts';
import { componentsVersion, resolvedHash } from './resolved-hash.ts';
import { pooled, waves } from './waves.ts';

export type { Operation, StackFailure } from './contract.ts';

/** Seconds between attempts while a new grant spreads: IAM states two minutes as usual, seven as possible. */
export const PATIENCE: readonly number[] = [5, 15, 40];

/** Who says whether what was previewed may be done. */
export type Approval =
  | { readonly by: 'nobody' }
  /** The digest of a preview, of one stack or of all of them together. */
  | { readonly by: 'digest'; readonly digest: string }
  | { readonly by: 'asking'; readonly ask: (previews: readonly PreviewResult[], digest: string) => Promise<boolean> };

export interface Provisioning {
  readonly operation: Operation;
  /** Tenants, or `null` for the platform. */
  readonly tenants: readonly (TenantSpec | null)[];
  /** All tenants of the folder: what must fit into the quotas together. */
  readonly everyone: readonly TenantSpec[];
  /** Name of the environment: the part of a stack's name after the dot. */
  readonly environment: string;
  /** Folder whose `.tributary` keeps state of a laptop and previews. */
  readonly base: string;
  /** Absolute path of the folder of the tenant files. */
  readonly tenantFolder: string;
  /** Child processes at a time. */
  readonly parallel: number;
  readonly policies: readonly PolicyPack[];
  readonly approval: Approval;
  /** Only stacks whose resolved hash is not that of their last `up`. */
  readonly changed: boolean;
  readonly adopt: boolean;
  readonly releaseStaleLock: boolean;
  readonly patience?: readonly number[];
  readonly quotas?: QuotaReader;
  readonly activeRuns: (tenant: string) => Promise<readonly ActiveRun[]>;
  readonly onEvent: (event: ProvisionEvent) => void;
  readonly signal: AbortSignal;
}

export interface Provisioned {
  readonly outcomes: readonly StackOutcome[];
  /** Of `preview` and `up`: the digest of all previews together. */
  readonly digest?: string;
  /** Stacks that `changed` left out. */
  readonly unchanged: readonly string[];
  /** Stacks that were not begun, because an earlier one surprised. */
  readonly notBegun: readonly string[];
  /** Why nothing was begun at all, or what was not approved. */
  readonly failure?: StackFailure;
  /** Lines of what differs from the approved preview. */
  readonly difference?: readonly string[];
}

const NOTHING = { outcomes: [], unchanged: [], notBegun: [] } as const;

export async function provision(given: Provisioning): Promise<Provisioned> {
  const found = findEngine(given.base);
  if (isFailure(found)) return { ...NOTHING, failure: found };
  // Policies compare resources with the reviewed tenant files.
  const engine = { ...found, environment: { ...found.environment, TRIBUTARY_TENANTS: given.tenantFolder } };
  using nursery = new Nursery(Math.min(given.parallel, given.tenants.length));
  const every = await requestsOf(given, engine);
  if (isFailure(every)) return { ...NOTHING, failure: every };
  const { requests, unchanged } = given.changed
    ? await changedOnly(engine, every, given.parallel)
    : { requests: every, unchanged: [] };
  const result =
    given.operation === 'up'
      ? await applyAll({ ...given, nursery }, requests)
      : await runAll({ ...given, nursery }, requests);
  return { ...result, unchanged };
}

type Result = Omit<Provisioned, 'unchanged'>;
type Work = Provisioning & { readonly nursery: Nursery };

async function runAll(given: Work, requests: readonly StackRequest[]): Promise<Result> {
  const outcomes = await pooled(requests, given.parallel, child(given), () => given.signal.aborted);
  const previews = previewsOf(outcomes);
  if (given.operation !== 'preview') return { outcomes, notBegun: missing(requests, outcomes) };
  remember(previewFolder(given), previews);
  return { outcomes, digest: jointDigest(previews), notBegun: missing(requests, outcomes) };
}

/** Previews where somebody has to approve, then changes in waves; each child previews again and applies only the same. */
async function applyAll(given: Work, requests: readonly StackRequest[]): Promise<Result> {
  const { approval } = given;
  const [only] = requests;
  if (only === undefined) return { outcomes: [], notBegun: [] };
  if (approval.by === 'nobody') return inWaves(given, requests);
  if (approval.by === 'digest' && requests.length === 1)
    return inWaves(given, [{ ...only, approved: approval.digest }], approval.digest);

  const previewed = await runAll(
    { ...given, operation: 'preview' },
    requests.map((request) => ({ ...request, operation: 'preview' as const })),
  );
  const { outcomes, digest = '' } = previewed;
  if (outcomes.some(({ failure }) => failure !== undefined) || previewed.notBegun.length > 0) return previewed;
  const previews = previewsOf(outcomes);
  const approved =
    approval.by === 'digest' ? approval.digest === digest : await consent(approval.ask, previews, digest);
  if (!approved) {
    const asked = approval.by === 'digest' ? approval.digest : '';
    const facts = { stack: requests.map(({ target }) => target.stack).join(', '), approved: asked, digest };
    const changes = approval.by === 'digest' ? { difference: changedSince(previewFolder(given), asked, previews) } : {};
    return { ...previewed, failure: { code: 'STACK_UNAPPROVED', facts }, ...changes };
  }
  const digests = new Map(previews.map((preview) => [preview.stack, preview.digest]));
  return inWaves(
    given,
    requests.map((request) => ({ ...request, approved: digests.get(request.target.stack) ?? '' })),
    digest,
  );
}

async function consent(
  ask: (previews: readonly PreviewResult[], digest: string) => Promise<boolean>,
  previews: readonly PreviewResult[],
  digest: string,
): Promise<boolean> {
  return previews.every(({ operations }) => operations.length === 0) || ask(previews, digest);
}

async function inWaves(given: Work, requests: readonly StackRequest[], approved?: string): Promise<Result> {
  const outcomes: StackOutcome[] = [];
  let surprised = false;
  const work = async (request: StackRequest) => {
    const outcome = await child(given)(request);
    surprised ||= outcome.failure !== undefined;
    return outcome;
  };
  for (const wave of waves(requests)) {
    if (surprised || given.signal.aborted) break;
    outcomes.push(...(await pooled(wave, given.parallel, work, () => surprised || given.signal.aborted)));
  }
  const previews = previewsOf(outcomes);
  const refused = outcomes.find(({ failure }) => failure?.code === 'STACK_UNAPPROVED');
  return {
    outcomes,
    digest: approved ?? jointDigest(previews),
    notBegun: missing(requests, outcomes),
    ...(refused?.preview === undefined
      ? {}
      : { difference: changedSince(previewFolder(given), String(refused.failure?.facts.approved), [refused.preview]) }),
  };
}

/** What each child is asked, or why none can be. */
async function requestsOf(given: Provisioning, engine: Engine): Promise<readonly StackRequest[] | StackFailure> {
  const { operation, environment, tenants, base } = given;
  const shared = platformStack(environment);
  const needsPlatform = tenants.some((tenant) => tenant !== null);
  const [stacks, platform] = await Promise.all([
    listStacks(engine),
    needsPlatform ? platformOutputs(engine, shared) : undefined,
  ]);
  if (isFailure(stacks)) return stacks;
  if (platform !== undefined && isFailure(platform)) return platform;
  if (operation === 'destroy' && tenants.includes(null)) {
    const dependent = [...stacks].filter((name) => name.endsWith(`.${environment}`) && name !== shared);
    if (dependent.length > 0)
      return {
        code: 'STACK_NEEDED',
        facts: { stack: shared, count: dependent.length, first: dependent[0] ?? '' },
      };
  }
  if (platform !== undefined && operation === 'up') {
    const [short] = await shortages(needsOf(given.everyone, platform), given.quotas ?? fixedLimits());
    if (short !== undefined) {
      const { quota, project, region, count, limit } = short;
      const reason = `all tenants together need ${count} ${quota} in ${project} (${region}); its limit is ${limit}`;
      return { code: 'STACK_QUOTA', facts: { stack: 'preflight', resource: 'preflight', reason, done: 0 } };
    }
  }
  const version = componentsVersion();
  return tenants.map((spec): StackRequest => {
    const tenant = spec?.tenant ?? 'platform';
    const stack = spec === null ? platformStack(environment) : tenantStack(tenant, environment);
    adoptSettings(engine.folder, base, stack);
    const target: StackTarget = spec === null ? { tenant, stack } : { tenant, stack, spec };
    return {
      operation,
      target,
      engine,
      exists: stacks.has(stack),
      ...(spec === null || platform === undefined ? {} : { platform }),
      environment,
      policies: given.policies,
      adopt: given.adopt,
      releaseStaleLock: given.releaseStaleLock,
      hash: resolvedHash({ version, spec, platform }),
      patience: given.patience ?? PATIENCE,
    };
  });
}

async function changedOnly(engine: Engine, requests: readonly StackRequest[], parallel: number) {
  const same = await pooled(requests, parallel, async ({ target, exists, hash }) => {
    return exists && (await hashOf(engine, target.stack)) === hash;
  });
  return {
    requests: requests.filter((_, at) => same[at] !== true),
    unchanged: requests.filter((_, at) => same[at] === true).map(({ target }) => target.stack),
  };
}

function child(given: Work) {
  return (request: StackRequest): Promise<StackOutcome> =>
    given.nursery.run(request, {
      onEvent: given.onEvent,
      activeRuns: () => given.activeRuns(request.target.tenant),
      signal: given.signal,
    });
}

function previewsOf(outcomes: readonly StackOutcome[]): PreviewResult[] {
  return outcomes.flatMap(({ preview }) => preview ?? []);
}

function missing(requests: readonly StackRequest[], outcomes: readonly StackOutcome[]): string[] {
  const begun = new Set(outcomes.map(({ stack }) => stack));
  return requests.map(({ target }) => target.stack).filter((stack) => !begun.has(stack));
}

function previewFolder({ base }: Provisioning): string {
  return join(base, '.tributary', 'previews');
}
