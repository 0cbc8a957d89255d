import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../setup/describe-with.ts';
import { root } from '../setup/ways.ts';
import { Cli } from './cli.ts';
import { type Cloud, openCloud } from './harness.ts';

const STACK = ['--stack', 'demo.dev'];

describeWith(['engine'], 'a program that the CLI starts itself', () => {
  let cloud: Cloud;
  let cli: Cli;
  beforeAll(async () => {
    cloud = await openCloud();
    cli = new Cli(cloud, join(cloud.folder, 'demo'));
    mkdirSync(cli.folder);
    const project = {
      name: 'demo',
      runtime: { name: 'nodejs', options: { typescript: false, nodeargs: '--title=demo' } },
    };
    write('Pulumi.yaml', JSON.stringify(project));
    write('package.json', '{ "type": "module", "main": "index.js" }');
    symlinkSync(join(root, 'node_modules'), join(cli.folder, 'node_modules'));
    await cli.pulumi('stack', 'init', ...STACK);
  });
  afterAll(() => cloud?.close());

  const write = (name: string, text: string) => writeFileSync(join(cli.folder, name), text);

  test('knows its stack, its configuration and its arguments, and puts out', { timeout: 120_000 }, async () => {
    write(
      'index.js',
      `import * as pulumi from '@pulumi/pulumi';
       const config = new pulumi.Config();
       console.log('said by', process.title);
       export default async () => ({
         names: [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()].join(' '),
         folders: [process.cwd(), pulumi.getRootDirectory()],
         plain: config.require('plain'), secret: config.requireSecret('hidden'),
         preview: pulumi.runtime.isDryRun(), typescript: process.env.PULUMI_NODEJS_TYPESCRIPT ?? null,
       });`,
    );
    await cli.pulumi('config', 'set', 'plain', 'a:b', ...STACK);
    await cli.pulumi('config', 'set', '--secret', 'hidden', 'whisper', ...STACK);
    const up = await cli.pulumi('up', '--yes', ...STACK);
    expect(up).toMatchObject({ code: 0, text: expect.stringContaining('said by demo') });
    expect(up.text).not.toContain('whisper');
    const { stdout } = await cli.pulumi('stack', 'output', '--json', ...STACK);
    expect(JSON.parse(stdout)).toEqual({
      names: 'organization demo demo.dev',
      folders: [cli.folder, cli.folder],
      plain: 'a:b',
      secret: '[secret]',
      preview: false,
      typescript: null,
    });
  });

  test.each([
    ['ends with a code', 'process.exit(7)', /Program exited with non-zero exit code: 7/],
    ['is ended by a signal', `process.kill(process.pid, 'SIGKILL')`, /Program exited with non-zero exit code: -1/],
    [
      'throws',
      `throw new Error('it broke')`,
      /error: Running program .* failed with an unhandled exception:\s+Error: it broke/,
    ],
  ])('fails where it %s', async (_, source, expected) => {
    write('index.js', source);
    const { code, text } = await cli.pulumi('preview', ...STACK);
    expect(code).not.toBe(0);
    expect(text).toMatch(expected);
    if (source.startsWith('throw')) expect(text).not.toContain('non-zero exit code');
  });
});
