/** Rules as policies of Pulumi's engine. */
import type { Policies, ReportViolation, ResourceValidationPolicy, StackValidationPolicy } from '@pulumi/policy';
import type { TenantSpec } from '../tenants/schema/tenant.ts';
import { appliesTo, type Context, type Resource, type ResourceRule, type Rule, type StackRule } from './rule.ts';
import { type Stack, stackOf } from './stack.ts';
import { isExpired, type Waiver, waiversOf } from './waivers.ts';

export interface PackOptions {
  readonly waivers: readonly Waiver[];
  readonly today: Date;
  readonly specOf: (tenant: string) => TenantSpec | undefined;
}

/** Name of the policy that reports waivers; it has no waivers itself. */
export const WAIVERS_CURRENT = 'waivers-current';

const STACK = 'pulumi:pulumi:Stack';

/** Where a rule is explained, from the root of the repository. */
export function pageOf(id: string): string {
  return `docs/policies.md#${id}`;
}

/** What a person reads of a violation; the engine puts the description of the rule before it. */
export function violationText(rule: Rule, what: string): string {
  return `It ${what}\nFix: ${rule.fix}\nMore: ${pageOf(rule.id)}`;
}

/** The policies of all rules, and the one that reports expired waivers. */
export function policiesOf(rules: readonly Rule[], options: PackOptions): Policies {
  const policies = rules.map((rule) => ('check' in rule ? resourcePolicy(rule, options) : stackPolicy(rule, options)));
  return [...policies, waiverPolicy(options)];
}

function resourcePolicy(rule: ResourceRule, options: PackOptions): ResourceValidationPolicy {
  const context = (urn: string, given: object) => contextOf(rule, stackOf(urn, options.specOf), given);
  const remedy = rule.remedy?.bind(rule);
  return {
    ...factsOf(rule),
    validateResource(args, report) {
      if (!appliesTo(rule, args.type)) return;
      for (const what of rule.check(args, context(args.urn, args.getConfig())))
        reportUnlessWaived(rule, args.urn, what, options, report);
    },
    ...(remedy && {
      remediateResource(args) {
        if (!appliesTo(rule, args.type)) return undefined;
        return remedy(args, context(args.urn, args.getConfig())) ? args.props : undefined;
      },
    }),
  };
}

function stackPolicy(rule: StackRule, options: PackOptions): StackValidationPolicy {
  return {
    ...factsOf(rule),
    validateStack(args, report) {
      const urn = stackUrn(args.resources);
      const context = contextOf(rule, stackOf(urn, options.specOf), args.getConfig());
      for (const finding of rule.checkStack(args.resources, context))
        reportUnlessWaived(rule, finding.urn ?? urn, finding.message, options, report);
    },
  };
}

function waiverPolicy({ waivers, today }: PackOptions): StackValidationPolicy {
  return {
    name: WAIVERS_CURRENT,
    description: 'No waiver has expired.',
    enforcementLevel: 'advisory',
    remediationSteps: 'Remove it from policies/waivers.yaml, or have a new day reviewed.',
    url: pageOf(WAIVERS_CURRENT),
    validateStack(_, report) {
      for (const waiver of waivers)
        if (isExpired(waiver, today))
          report(`The waiver of ${waiver.rule} for ${waiver.urn} expired on ${waiver.expires} (${waiver.reason}).`);
    },
  };
}

function factsOf({ id, level, description, fix, settings }: Rule) {
  return {
    name: id,
    description,
    enforcementLevel: level,
    remediationSteps: fix,
    url: pageOf(id),
    ...(settings && { configSchema: { properties: { ...settings } } }),
  };
}

function contextOf(rule: Rule, stack: Stack, given: object): Context<never> {
  const defaults = Object.entries(rule.settings ?? {}).map(([name, setting]) => [name, setting.default]);
  return { stack, settings: { ...Object.fromEntries(defaults), ...given } as never };
}

function reportUnlessWaived(
  rule: Rule,
  urn: string,
  what: string,
  options: PackOptions,
  report: ReportViolation,
): void {
  const waivers = waiversOf(options.waivers, rule.id, urn);
  if (waivers.some((waiver) => !isExpired(waiver, options.today))) return;
  report(violationText(rule, what), urn);
}

function stackUrn(resources: readonly Resource[]): string {
  return (resources.find(({ type }) => type === STACK) ?? resources[0])?.urn ?? '';
}
