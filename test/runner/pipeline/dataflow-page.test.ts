/** docs/dataflow.md says what the code computes and what Google's templates take. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { predict } from '../../../runner/pipeline/predict.ts';
import {
  CONTAINER_SECOND_USD,
  READER_RATES,
  SCALING,
  START_SECONDS,
  WORKER_SECOND_USD,
} from '../../../runner/pipeline/rates.ts';
import { parseTenant } from '../../../tenants/load.ts';
import type { ConnectionKind } from '../../../tenants/schema/index.ts';

interface Parameter {
  readonly name: string;
  readonly required: boolean;
  readonly regex?: string;
  readonly enum?: readonly string[];
  readonly default?: string;
}

const page = readFileSync('docs/dataflow.md', 'utf8');
const { templates } = JSON.parse(readFileSync('test/fixtures/dataflow-templates.json', 'utf8')) as {
  templates: Record<string, { path: string; parameters: Parameter[] }>;
};

/** The cells of a table between two marks, without its head. */
function table(mark: string): string[][] {
  const [, part = ''] = page.split(`<!-- ${mark} -->`);
  const [body = ''] = part.split(`<!-- /${mark} -->`);
  const rows = body.trim().split('\n').slice(2);
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe('the model of time and money', () => {
  it('is what is computed', () => {
    const rows = table('model');
    expect(rows.length).toBeGreaterThan(5);
    for (const [kind = '', count = '', width = '', ...shown] of rows) {
      const amount = Number(count.replaceAll(',', ''));
      const estimate = { rows: amount, bytes: amount * Number(width.replaceAll(',', '')) };
      const by = (workers: number) =>
        predict({ kind: kind as ConnectionKind, estimate, measured: {}, readers: 1, tasks: 1, workers });
      const text = ({ seconds, usd }: { seconds: number; usd: number }) =>
        `${Math.ceil(seconds).toLocaleString('en-US')} s, $${usd.toFixed(2)}`;
      const [alone, eight] = by(8).map(text);
      expect([kind, count, width, ...shown]).toEqual([kind, count, width, alone, eight, by(32).map(text)[1]]);
    }
  });

  it('has the figures of the code', () => {
    const { postgres, mysql, firestore, s3, 'azure-blob': azure } = READER_RATES;
    const rate = ({ rows, bytes }: { rows: number; bytes: number }) => [
      rows.toLocaleString('en-US'),
      `${bytes / 1e6} MB/s`,
    ];
    const line = (begin: string) => page.split('\n').find((one) => one.startsWith(`| ${begin}`)) ?? '';
    for (const part of rate(postgres)) expect(line('PostgreSQL, one')).toContain(part);
    for (const part of rate(mysql)) expect(line('MySQL, one')).toContain(part);
    for (const part of rate(firestore)) expect(line('Firestore, one')).toContain(part);
    for (const part of [...rate(s3), ...rate(azure)]) expect(line('files of S3')).toContain(part);
    expect(line('a further reader')).toContain(`${SCALING * 100} %`);
    expect(line('until the first row')).toContain(`${START_SECONDS.tasks} s · ${START_SECONDS.dataflow} s`);
    expect(line('a container of the job')).toContain(`$${CONTAINER_SECOND_USD.toFixed(6)} a second`);
    expect(line('a worker (')).toContain(`$${(WORKER_SECOND_USD * 3600).toFixed(2)} an hour`);
  });

  it('begins with a file that is one', () => {
    const [, yaml = ''] = /```yaml\n(connections:[\s\S]*?)```/.exec(page) ?? [];
    const file = yaml.replace('# …', 'host: db\n    database: shop\n    user: reader');
    expect(parseTenant(`tenant: acme\n${file}`, 'acme.yaml').errors).toEqual([]);
  });
});

describe('the parameters of Google’s templates', () => {
  it('are named, required and preset as Google has them', () => {
    const rows = table('parameters').map(([name = '', required, preset = '']) => ({
      ...{ name: name.replaceAll('`', ''), required: required === 'yes' },
      ...(preset === '' ? {} : { default: preset.replaceAll('`', '') }),
    }));
    for (const { parameters } of Object.values(templates)) {
      expect(parameters).toHaveLength(24);
      for (const row of rows) expect(parameters.map(facts)).toContainEqual(row);
      const listed = new Set(rows.map(({ name }) => name));
      expect(parameters.filter(({ name, required }) => required && !listed.has(name))).toEqual([]);
    }
  });

  it.each(commands())('are kept to by the command: %s', (_, command) => {
    const args = shellArguments(command);
    expect(args.slice(0, 3)).toEqual(['dataflow', 'flex-template', 'run']);
    const option = (name: string) => args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? '';
    const template = Object.values(templates).find(
      ({ path }) => path.replace('{REGION}', option('region')) === option('template-file-gcs-location'),
    );
    const declared = new Map(template?.parameters.map((parameter) => [parameter.name, parameter]));
    const [, delimiter = '', rest = ''] = /^\^(.)\^(.*)$/s.exec(option('parameters')) ?? [];
    const given = new Map(
      rest.split(delimiter).map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    );
    for (const [name, value] of given) {
      expect(declared.has(name), name).toBe(true);
      const { regex = '.*' } = declared.get(name) ?? {};
      expect(value, name).toMatch(new RegExp(`^(?:${regex})$`, 's'));
    }
    for (const { name, required } of declared.values()) if (required) expect(given.has(name), name).toBe(true);
    // What the templates look at when they are launched, and no specification says.
    expect(given.has('table') && given.has('partitionColumn')).not.toBe(given.has('query'));
    expect(given.has('lowerBound')).toBe(given.has('upperBound'));
    expect(given.get('password')).toMatch(/^projects\/[^/]+\/secrets\/tributary-acme_[a-z-]+\/versions\/\d+$/);
    expect(args).toContain('--disable-public-ips');
  });
});

function facts({ name, required, default: preset }: Parameter) {
  return { name, required, ...(preset === undefined ? {} : { default: preset }) };
}

function commands(): [name: string, command: string][] {
  const found = [...page.matchAll(/```sh\n(gcloud dataflow [\s\S]*?)```/g)].map(([, command = '']) => command);
  if (found.length !== 2) throw new Error(`${found.length} commands on the page`);
  return found.map((command) => [/flex\/(\w+)/.exec(command)?.[1] ?? '', command]);
}

/** As a shell gives them to the program. */
function shellArguments(command: string): string[] {
  const script = `gcloud() { printf '%s\\0' "$@"; }\n${command}`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}
