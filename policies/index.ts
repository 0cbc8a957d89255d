/**
 * Starts the pack: `pulumi preview --policy-pack policies --policy-pack-config policies/presets/prod.json`.
 * TRIBUTARY_TENANTS names another folder of tenant files.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PolicyPack } from '@pulumi/policy';
import { policiesOf } from './pack.ts';
import { rules } from './rules.ts';
import { tenantFiles } from './stack.ts';
import { parseWaivers } from './waivers.ts';

const here = import.meta.dirname;
const waivers = readFileSync(join(here, 'waivers.yaml'), 'utf8');

new PolicyPack('tributary', {
  policies: policiesOf(rules, {
    waivers: parseWaivers(waivers, new Set(rules.map(({ id }) => id))),
    today: new Date(),
    specOf: tenantFiles(process.env.TRIBUTARY_TENANTS ?? join(here, '../tenants')),
  }),
});
