/** A program of this repository and all that it loads, as a few files that need no `node_modules` of JavaScript. */
import { dirname, join, relative } from 'node:path';
import { type Plugin, rolldown } from 'rolldown';

export const root = join(import.meta.dirname, '../..');

export interface Bundle {
  /** What went in, as paths from the root of this repository. */
  readonly modules: readonly string[];
}

/** Drivers that packages can do without, and machine code, which is copied beside. */
const OUTSIDE = [/\.node$/, /^@node-rs\/crc32-/, 'pg-native', 'cardinal'];

/** A thread is a program of its own: its file is named where it is started. */
const threads: Plugin = {
  name: 'threads',
  transform: {
    filter: { id: /\.ts$/, code: 'import.meta.url' },
    handler(code, id) {
      return code.replaceAll(/new URL\('(\.[^']+\.ts)', import\.meta\.url\)/g, (_, path: string) => {
        const file = join(dirname(id), path);
        const name = relative(root, file).replace(/\.ts$/, '').replaceAll('/', '-');
        return `new URL(import.meta.ROLLDOWN_FILE_URL_${this.emitFile({ type: 'chunk', id: file, name })})`;
      });
    },
  },
};

/**
 * @param entry of the program, as in `runner/main.ts`
 * @param folder gets the files; the program is `<name>.js`
 */
export async function bundle(entry: string, name: string, folder: string): Promise<Bundle> {
  await using made = await rolldown({
    ...{
      cwd: root,
      input: { [name]: entry },
      platform: 'node',
      external: OUTSIDE,
      plugins: [threads],
      logLevel: 'silent',
    },
    resolve: { symlinks: false },
    transform: { define: { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' } },
  });
  const { output } = await made.write({
    ...{
      dir: folder,
      format: 'esm',
      sourcemap: false,
      entryFileNames: '[name].js',
      chunkFileNames: '[name]-[hash].js',
    },
    minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
  });
  const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
  const files = new Set(modules.map((id) => id.replace(/^\0/, '').replace(/\?.*$/, '')));
  return {
    modules: [...files]
      .filter((file) => file.startsWith(root))
      .map((file) => relative(root, file))
      .sort(),
  };
}
