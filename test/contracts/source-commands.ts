/** The commands with which a person looks at a source, as a process of their own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Check, SourceColumn, SourceObject } from '../../runner/core/contracts/source.ts';
import { nameOf } from '../../runner/job/object-name.ts';
import { startCommand } from '../faults/command.ts';
import { PEOPLE_COLUMNS, type Scene, spelled } from './source-fixture.ts';

interface Document {
  readonly checks?: readonly Check[];
  readonly objects?: readonly SourceObject[];
  readonly object?: SourceObject & {
    readonly columns: readonly (SourceColumn & {
      readonly destination: string;
      readonly samples: readonly (string | null)[];
    })[];
  };
}

export function describeCommands(scene: Scene): void {
  let folder: string;

  beforeAll(() => {
    const { connection, source = {} } = scene.fixture.elsewhere;
    const people = { ...source, connection: 'main', ...spelled(scene.fixture.people), load: { strategy: 'catalog' } };
    folder = mkdtempSync(join(tmpdir(), 'tributary-look-'));
    mkdirSync(join(folder, 'tenants'));
    const tenant = { tenant: 'acme', connections: { main: connection }, sources: { people } };
    writeFileSync(join(folder, 'tenants', 'acme.yaml'), JSON.stringify(tenant));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const command = async (...words: string[]) => {
    const { connection, secret, environment } = scene.fixture.elsewhere;
    const name = 'secret' in connection ? connection.secret : undefined;
    const key = `TRIBUTARY_SECRET_${name?.toUpperCase().replaceAll('-', '_')}`;
    const secrets = secret === undefined || name === undefined ? {} : { [key]: secret };
    const ended = await startCommand({ folder, words, environment: { ...environment, ...secrets } }).ended;
    if (secret !== undefined) expect(`${ended.stdout}${ended.stderr}`).not.toContain(secret);
    return { ...ended, json: ended.json as Document };
  };

  test('test says how each step went', async () => {
    const { code, json, stderr } = await command('test', 'acme', 'main', '--json');
    expect({ code, stderr, json }).toMatchObject({ code: 0 });
    expect(json.checks?.map(({ title }) => title)).toEqual(expect.arrayContaining([expect.stringMatching(/^[A-Z]/)]));
  });

  test('discover lists names that it takes back, with columns and samples', async () => {
    const { people } = scene.fixture;
    const list = await command('discover', 'acme', 'main', '--json');
    expect(list).toMatchObject({ code: 0 });
    const name = nameOf(people) ?? '';
    expect(list.json.objects?.map((object) => object.name)).toContain(name);
    const { code, json, stderr } = await command('discover', 'acme', 'main', name, '--json');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const columns = PEOPLE_COLUMNS.map((column) => json.object?.columns.find((one) => one.name === column));
    expect(columns.map((column) => column?.destination)).toEqual(['id', 'name', 'email', 'at', 'amount']);
    expect(columns[1]?.samples).toContain('Ann');
    const shown = await command('discover', 'acme', 'main', name);
    expect(shown.stdout).toMatch(/source type[\s\S]*amount[\s\S]*cursors, best first/);
  });

  scene.needs('absence')('discover says which object is not there', async () => {
    const ended = await command('discover', 'acme', 'main', nameOf(scene.fixture.missing) ?? '');
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('SOURCE_OBJECT_MISSING') });
  });
}
