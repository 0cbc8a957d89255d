/** How strict the pack is: `prod` blocks, `dev` advises. Written to presets/*.json for `--policy-pack-config`. */
import type { Level } from './rule.ts';
import { rules } from './rules.ts';

export type Preset = 'dev' | 'prod';

/** Configuration of the pack, by rule. */
export type PackConfig = Readonly<Record<string, { readonly enforcementLevel: Level }>>;

export const presets: Readonly<Record<Preset, PackConfig>> = {
  dev: Object.fromEntries(rules.map(({ id }) => [id, { enforcementLevel: 'advisory' as const }])),
  prod: Object.fromEntries(rules.map(({ id, level }) => [id, { enforcementLevel: level }])),
};
