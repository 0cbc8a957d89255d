import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Analyzer, startAnalyzer } from '../../../cloud/emulators/analyzer.ts';
import { describeWith } from '../../../setup/describe-with.ts';
import { type Scene, scenes } from './scenes.ts';

const all = scenes();

describe('the SQL of BigQuery', () => {
  test('every script is as it was read last', async () => {
    const read = all.filter(({ name }) => !/: (?:check|cost)/.test(name) || name.includes('every type'));
    const texts = read.map(({ name, query }) => `-- ${name}\n${query.sql}\n`);
    await expect(texts.join('\n')).toMatchFileSnapshot('scripts.sql');
  });

  test('no script is without a statement, and no parameter is missing or needless', () => {
    for (const { name, query } of all) {
      const used = new Set([...query.sql.matchAll(/(?<!@)@(\w+)/g)].map(([, parameter]) => parameter));
      const given = query.parameters.map((parameter) => parameter.name);
      expect(query.sql, name).not.toBe('');
      expect(new Set(given).size, name).toBe(given.length);
      expect(
        [...used].filter((parameter) => !given.includes(parameter as string)),
        name,
      ).toEqual([]);
    }
  });
});

describeWith(['emulators'], "the SQL of BigQuery before Google's analyzer", () => {
  let analyzer: Analyzer;
  beforeAll(() => {
    analyzer = startAnalyzer();
  });
  afterAll(() => analyzer?.stop());

  test.each(all.map((scene) => [scene.name, scene] as const))('%s', async (_, { query, tables }: Scene) => {
    const parameters = query.parameters.map((parameter) => [
      parameter.name,
      'values' in parameter ? `ARRAY<${parameter.type}>` : parameter.type,
    ]);
    const kinds = await analyzer.analyze(query.sql, { tables, parameters: Object.fromEntries(parameters) });
    expect(kinds.length).toBeGreaterThan(0);
  });
});
