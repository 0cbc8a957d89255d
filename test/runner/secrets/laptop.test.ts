import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { problemOf } from '../../../runner/core/errors.ts';
import { laptopSecrets, listSecrets, setSecret } from '../../../runner/secrets/laptop.ts';
import { redactor } from '../../../runner/secrets/redactor.ts';

let parent: string;
let folder: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'tributary-secrets-'));
  folder = join(parent, '.tributary');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const file = () => join(folder, 'secrets.json');
const secrets = (environment = {}) => laptopSecrets({ tenant: 'acme', folder, environment });
const put = (content: string, mode = 0o600) => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(file(), content);
  chmodSync(file(), mode);
};

test('the environment comes first, then the file', async () => {
  await setSecret({ tenant: 'acme', name: 'orders-db', value: 'from file', folder });
  expect(await secrets().get('orders-db')).toBe('from file');
  expect(await secrets({ TRIBUTARY_SECRET_ORDERS_DB: 'from environment' }).get('orders-db')).toBe('from environment');
  expect(await secrets({ TRIBUTARY_SECRET_ORDERS_DB: '' }).get('orders-db')).toBe('from file');
});

test('a missing one says how to set it', async () => {
  const problem = problemOf(
    await secrets()
      .get('orders-db')
      .catch((error: unknown) => error),
  );
  expect(problem.code).toBe('SECRET_MISSING');
  expect(problem.fix).toContain('tributary secret set acme orders-db');
  expect(problem.fix).toContain('export TRIBUTARY_SECRET_ORDERS_DB');
  expect(problem.detail).not.toContain('undefined');
  for (const name of ['constructor', '__proto__', 'toString']) {
    expect(await secrets().get(name).catch(problemOf)).toMatchObject({ code: 'SECRET_MISSING' });
    const other = laptopSecrets({ tenant: name, folder, environment: {} });
    expect(await other.get('x').catch(problemOf)).toMatchObject({ code: 'SECRET_MISSING' });
  }
  expect(existsSync(folder)).toBe(false);
});

test('tenants do not see each other', async () => {
  await setSecret({ tenant: 'other', name: 'orders-db', value: 'theirs', folder });
  expect(await secrets().get('orders-db').catch(problemOf)).toMatchObject({ code: 'SECRET_MISSING' });
});

test('folder and file are made for the user alone', async () => {
  await setSecret({ tenant: 'acme', name: 'a', value: '1', folder });
  await setSecret({ tenant: 'acme', name: 'b', value: '2', folder });
  await setSecret({ tenant: 'acme', name: 'a', value: '3', folder });
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({ acme: { a: '3', b: '2' } });
});

test.each([0o644, 0o640, 0o660])('a file that others can read (%o) is neither read nor written', async (mode) => {
  put('{"acme":{"a":"1"}}', mode);
  const expected = { code: 'SECRET_STORE_EXPOSED', fix: expect.stringContaining('chmod 600') };
  expect(await secrets().get('a').catch(problemOf)).toMatchObject(expected);
  const change = setSecret({ tenant: 'acme', name: 'a', value: '2', folder });
  expect(await change.catch(problemOf)).toMatchObject(expected);
  expect(readFileSync(file(), 'utf8')).toBe('{"acme":{"a":"1"}}');
  expect(existsSync(`${file()}.lock`)).toBe(false);
});

test.each(['{"acme": {"a": "hunter2"', '[]', '{"acme": {"a": 5}}', '{"acme": null}'])(
  'a file that cannot be understood is not quoted: %s',
  async (content) => {
    put(content);
    const problem = problemOf(
      await secrets()
        .get('a')
        .catch((error: unknown) => error),
    );
    expect(problem.code).toBe('USAGE');
    expect(JSON.stringify(problem)).not.toContain('hunter2');
  },
);

test('names and values that cannot be', async () => {
  for (const name of ['', '__proto__', 'a b', '../x', '1a']) {
    expect(await setSecret({ tenant: 'acme', name, value: 'v', folder }).catch(problemOf)).toMatchObject({
      code: 'USAGE',
    });
  }
  expect(await setSecret({ tenant: 'acme', name: 'a', value: '', folder }).catch(problemOf)).toMatchObject({
    code: 'USAGE',
  });
});

test('twenty changes at once lose none', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `s${n}`);
  await Promise.all(names.map((name) => setSecret({ tenant: 'acme', name, value: name, folder })));
  expect((await listSecrets({ tenant: 'acme', folder, environment: {} })).map(({ name }) => name).sort()).toEqual(
    names.sort(),
  );
});

test('a list has names and where they come from, never values', async () => {
  await setSecret({ tenant: 'acme', name: 'orders_db', value: 'hunter2', folder });
  await setSecret({ tenant: 'acme', name: 'crm', value: 'hunter2', folder });
  const environment = { TRIBUTARY_SECRET_ORDERS_DB: 'hunter2', TRIBUTARY_SECRET_MASK_KEY: 'hunter2', HOME: '/' };
  expect(await listSecrets({ tenant: 'acme', folder, environment })).toEqual([
    { name: 'crm', source: 'file' },
    { name: 'mask-key', source: 'environment' },
    { name: 'orders_db', source: 'environment' },
  ]);
});

describe('redactor', () => {
  test('replaces values in every form in which they travel', () => {
    const redact = redactor(['p@ss w/ord', 'say "hi"\\', 'abc', 'abcdef']);
    expect(redact('postgres://u:p%40ss%20w%2Ford@h p@ss w/ord')).toBe('postgres://u:***@h ***');
    expect(redact(JSON.stringify({ a: 'say "hi"\\' }))).toBe('{"a":"***"}');
    expect(redact('abcdef abc')).toBe('*** ***');
  });

  test('a key of several lines is found line by line', () => {
    const key = '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nshort=\n-----END PRIVATE KEY-----\n';
    expect(redactor([key])('at line MIIEvQIBADANBgkqhkiG9w0BAQEF of it')).toBe('at line *** of it');
  });

  test('nothing to hide, nothing changed', () => {
    expect(redactor([])('text')).toBe('text');
    expect(redactor([''])('text')).toBe('text');
  });

  test('no value survives in any text', () => {
    const value = fc.string({ minLength: 1 }).filter((text) => !'***'.includes(text));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), fc.string(), fc.string(), (values, before, after) => {
        const redact = redactor(values);
        for (const secret of values) {
          // Stars of the replacement may join with text around them, so only the longer ones can be looked for.
          if (secret.includes('*')) continue;
          expect(redact(before + secret + after)).not.toContain(secret);
        }
      }),
    );
  });
});
