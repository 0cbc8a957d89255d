import { expect, test } from 'vitest';
import { countLine, tally } from './tally.ts';

const report = {
  testResults: [
    {
      name: 'a.test.ts',
      status: 'failed',
      assertionResults: [
        { fullName: 'one', status: 'passed' },
        { fullName: 'two', status: 'failed' },
        { fullName: 'three', status: 'skipped' },
        { fullName: 'four', status: 'todo' },
      ],
    },
    { name: 'does-not-load.test.ts', status: 'failed', assertionResults: [] },
    { name: 'b.test.ts', status: 'passed', assertionResults: [{ fullName: 'five', status: 'passed' }] },
  ],
};

test('every test is counted once, and a file that does not load is a failure', () => {
  expect(countLine(tally(report))).toBe('2 passed, 2 failed, 2 skipped');
  expect(tally(report).skippedTests.map(({ name }) => name)).toEqual(['three', 'four']);
});

test('an empty report counts nothing', () => {
  expect(countLine(tally({ testResults: [] }))).toBe('0 passed, 0 failed, 0 skipped');
});
