/** What the language host starts for a request of the engine. */
import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { ProgramInfo, RunPluginRequest, RunRequest } from '@pulumi/pulumi/proto/language_pb.js';
import { findProgram } from '../setup/programs.ts';
import type { Command } from './language-process.ts';

/** `runtime.options` of a project file. */
interface Options {
  readonly typescript: boolean;
  readonly nodeargs: readonly string[];
  readonly tsconfig?: string;
}

/** @throws Error where Node or the SDK is missing. */
export function programCommand(request: RunRequest, engine: string): Command {
  const info = infoOf(request);
  const options = optionsOf(info);
  const flags: readonly (readonly [string, string])[] = [
    ['monitor', request.getMonitorAddress()],
    ['engine', engine],
    ['organization', request.getOrganization()],
    ['project', request.getProject()],
    ['root-directory', info.getRootDirectory()],
    ['stack', request.getStack()],
    ['pwd', info.getProgramDirectory()],
  ];
  const config = request.getConfigMap().toArray() as [string, string][];
  return {
    program: node(),
    args: [
      ...options.nodeargs,
      locate('@pulumi/pulumi/cmd/run', info, 'pulumi install'),
      ...flags.flatMap(([name, value]) => (value === '' ? [] : [`--${name}`, value])),
      ...(request.getDryrun() ? ['--dry-run'] : []),
      ...['--parallel', String(request.getParallel())],
      info.getEntryPoint(),
      ...request.getArgsList(),
    ],
    environment: {
      ...process.env,
      PULUMI_CONFIG: JSON.stringify(Object.fromEntries(config.map(([key, value]) => [longKey(key), value]))),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
      ...typescript(options),
    },
  };
}

/** @throws Error where Node or the SDK is missing. */
export function pluginCommand(request: RunPluginRequest): Command {
  const info = infoOf(request);
  const options = optionsOf(info);
  const folder = info.getProgramDirectory();
  const given = request.getEnvList().map((pair) => pair.split(/=(.*)/s, 2) as [string, string]);
  const environment = { ...Object.fromEntries(given), ...typescript(options) };
  const install = `npm install in ${folder}`;
  const common = { program: node(), environment };
  if (request.getKind() === 'analyzer') {
    const pack = locate('@pulumi/pulumi/cmd/run-policy-pack', info, install);
    return { ...common, args: [pack, ...options.nodeargs, ...request.getArgsList(), folder], folder };
  }
  const plugin = locate('@pulumi/pulumi/cmd/run-plugin', info, install);
  return { ...common, args: [plugin, ...options.nodeargs, folder, ...request.getArgsList()], folder: request.getPwd() };
}

/** Packages below a program's own folder that are an SDK of a provider; those above it are not looked at. */
export function requiredPackages(folder: string): { name: string; version: string }[] {
  return globSync(['node_modules/*/package.json', 'node_modules/@*/*/package.json'], { cwd: folder }).flatMap(
    (file) => {
      const { name, version, pulumi } = JSON.parse(readFileSync(join(folder, file), 'utf8'));
      if (pulumi?.resource !== true) return [];
      return [{ name: pulumi.name ?? name.replace(/^@pulumi\//, ''), version: `v${pulumi.version ?? version}` }];
    },
  );
}

function infoOf(request: RunRequest | RunPluginRequest): ProgramInfo {
  const info = request.getInfo();
  if (info === undefined) throw new Error('the engine did not say what to run');
  return info;
}

function optionsOf(info: ProgramInfo): Options {
  const {
    typescript = true,
    nodeargs = '',
    ...others
  } = (info.getOptions()?.toJavaScript() ?? {}) as Record<string, string>;
  if (typeof typescript !== 'boolean') throw new Error('typescript option must be a boolean');
  return { ...others, typescript, nodeargs: nodeargs.split(/\s+/).filter((part) => part !== '') };
}

function typescript({ typescript, tsconfig }: Options): NodeJS.ProcessEnv {
  return {
    ...(typescript ? { PULUMI_NODEJS_TYPESCRIPT: 'true' } : {}),
    ...(tsconfig === undefined ? {} : { PULUMI_NODEJS_TSCONFIG_PATH: tsconfig }),
  };
}

function node(): string {
  const found = findProgram('node');
  if (found === null) throw new Error('could not find node on the $PATH');
  return found;
}

/** As the program itself would find the module. */
function locate(module: string, info: ProgramInfo, install: string): string {
  try {
    return createRequire(join(info.getProgramDirectory(), 'program.js')).resolve(module);
  } catch {
    throw new Error(`It looks like the Pulumi SDK has not been installed. Have you run ${install}?`);
  }
}

/** `gcp:project` → `gcp:config:project`, which SDKs of every age read. */
function longKey(key: string): string {
  return key.replace(/^([^:]*):(?:config:)?/, '$1:config:');
}
