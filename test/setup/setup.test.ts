import { expect, test } from 'vitest';
import type { Requirement } from './requirements.ts';
import { setup } from './setup.ts';
import type { Way } from './ways.ts';

function way(title: string, script: string, possible = true): Way {
  return { title, possible: () => possible, commands: [{ run: [process.execPath, '-e', script] }] };
}

function attempt(requirement: Partial<Requirement>, flags: { yes?: boolean; quiet?: boolean } = {}) {
  const said: string[] = [];
  const table = { thing: { title: 'Thing', why: 'for tests', find: () => null, ways: [], ...requirement } };
  const code = setup(table, { yes: false, quiet: false, ...flags, say: (line) => said.push(line) });
  return { code, said: said.join('\n') };
}

test('what is there is listed, quietly if asked', () => {
  expect(attempt({ find: () => '1.0' })).toEqual({ code: 0, said: 'have     Thing (1.0)' });
  expect(attempt({ find: () => '1.0' }, { quiet: true })).toEqual({ code: 0, said: '' });
});

test('what is missing is named with the way to get it, and nothing is fetched', () => {
  const never = way('fetch thing', 'process.exit(0)');
  const { code, said } = attempt({ ways: [{ ...never, commands: [] }] });
  expect(code).toBe(1);
  expect(said).toContain('missing  Thing: for tests');
  expect(said).toContain('get it: fetch thing');
});

test('with --yes, possible ways are tried in order, each named before it runs', () => {
  let looks = 0;
  const ways = [way('not here', 'process.exit(0)', false), way('first', 'process.exit(3)'), way('second', '')];
  const { code, said } = attempt({ find: () => (++looks > 2 ? '2.0' : null), ways }, { yes: true });
  expect(code).toBe(0);
  expect(said).not.toContain('not here');
  expect(said.split('\n').map((line) => line.trim())).toEqual(
    expect.arrayContaining([
      'getting  Thing (for tests): first',
      'getting  Thing (for tests): second',
      'have     Thing (2.0)',
    ]),
  );
  expect(said).toContain('exit 3');
});

test('what cannot be got stops the tests only where it is vital', () => {
  const ways = [way('first', 'process.exit(3)')];
  expect(attempt({ ways }, { yes: true }).code).toBe(0);
  expect(attempt({ ways }, { yes: true }).said).toContain('will be skipped');
  expect(attempt({ ways, vital: true }, { yes: true }).code).toBe(1);
});
