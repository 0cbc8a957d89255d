import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { rules } from './arrows.ts';

/** Forbidden imports below a folder, as `from → to (rule)`. */
export async function forbiddenImports(folder: string, parts: readonly string[]): Promise<readonly string[]> {
  const { output } = await cruise([...parts], {
    baseDir: folder,
    validate: true,
    ruleSet: { forbidden: rules },
    tsPreCompilationDeps: true,
    doNotFollow: { path: ['node_modules'] },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  });
  const { violations } = (output as ICruiseResult).summary;
  return violations.map(({ from, to, rule }) => `${from} → ${to} (${rule.name})`).sort();
}
