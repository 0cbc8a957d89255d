import { WAIVERS_CURRENT } from '../../policies/pack.ts';
import type { Rule } from '../../policies/rule.ts';
import { rules } from '../../policies/rules.ts';

/** docs/policies.md */
export function renderPolicies(): string {
  const lines = [
    '<!-- Written by `npm run generate` from policies/rules.ts. -->',
    '# Policies',
    '',
    'Every preview and update of a stack is checked by these rules:',
    '`pulumi preview --policy-pack policies --policy-pack-config policies/presets/prod.json`.',
    'The preset `prod` has the levels below; `dev` only advises. A rule that needs a value which is not known at',
    'preview says so, and decides at the update. A `mandatory` rule stops it; `remediate` mends what it can first.',
    '',
    'The settings of a rule stand in the same file: `{"job-bounded": {"timeoutSeconds": 28800}}`. An exception is an',
    'entry of policies/waivers.yaml with a reason and a last day; after it the rule counts again, and',
    `\`${WAIVERS_CURRENT}\` reports the entry.`,
    '',
    '| rule | level | what must hold |',
    '|---|---|---|',
    ...rules.map(({ id, level, description }) => `| [${id}](#${id}) | ${level} | ${description} |`),
  ];
  for (const rule of rules) lines.push(...section(rule));
  return `${lines.join('\n')}\n`;
}

function section({ id, level, description, why, fix, settings = {} }: Rule): string[] {
  const lines = ['', `## ${id}`, '', description, '', `- Level: ${level}`, `- Why: ${why}`, `- Fix: ${escaped(fix)}`];
  for (const [name, setting] of Object.entries(settings))
    lines.push(`- \`${name}\` (default \`${JSON.stringify(setting.default)}\`): ${setting.description}`);
  return lines;
}

function escaped(text: string): string {
  return text.replaceAll(/[<>*]/g, '\\$&');
}
