/** What each image holds. */

export type ImageKind = 'runner' | 'webhook' | 'dataflow';

export interface Recipe {
  /** Program of this repository; `/app/<name>.js` of the image. */
  readonly entry: string;
  readonly name: string;
  /** Files of packages that the program opens by their path. */
  readonly files: readonly string[];
  /** A folder of this repository, and the folder of the context it becomes. */
  readonly folders: Readonly<Record<string, string>>;
  /** Where Node comes from: its base, or copied in from the npm package `node` whatever the base is. */
  readonly node: 'base' | 'copied';
  readonly base: string;
}

const DISTROLESS = 'gcr.io/distroless/nodejs24-debian12:nonroot';

export const recipes: Readonly<Record<ImageKind, Recipe>> = {
  runner: { entry: 'runner/main.ts', name: 'main', files: [], folders: {}, node: 'base', base: DISTROLESS },
  webhook: {
    ...{ entry: 'webhook/server.ts', name: 'server', folders: {}, node: 'base', base: DISTROLESS },
    files: ['LICENSE', 'NOTICE', 'package.json', 'swagger-ui-bundle.js', 'swagger-ui.css'].map(
      (file) => `node_modules/swagger-ui-dist/${file}`,
    ),
  },
  dataflow: {
    ...{
      entry: 'runner/main.ts',
      name: 'main',
      files: [],
      node: 'copied',
      base: 'docker.io/apache/beam_python3.11_sdk:2.77.0',
    },
    folders: { 'runner/dataflow': 'template' },
  },
};

/** Machine code of packages: the loader of each asks for the one of its platform. */
export function machineCode(packages: ReadonlySet<string>): readonly string[] {
  const platform = `linux-${process.arch}`;
  const of: Readonly<Record<string, string>> = {
    '@duckdb/node-bindings': `@duckdb/node-bindings-${platform}`,
    '@node-rs/crc32': `@node-rs/crc32-${platform}-gnu`,
  };
  return Object.entries(of).flatMap(([loader, code]) => (packages.has(loader) ? [`node_modules/${code}`] : []));
}
