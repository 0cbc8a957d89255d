/**
 * node test/images/cold-start.ts [times]: from the start of the process in its container to the first byte that it asks of
 * its source, which is a listener here. The image is built first. docs/images.md has what it said.
 */
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { buildImage } from '../../runner/image/build.ts';
import { openBuildah } from '../../runner/image/buildah.ts';
import { newFolder } from '../servers/child.ts';
import { startContainer } from './container.ts';
import { openScene } from './scene.ts';

const times = Number(process.argv[2] ?? 9);
const output = await newFolder('cold-start');
try {
  const storage = join(output, 'storage');
  const buildah = openBuildah(storage);
  const { tag } = await buildImage('runner', { base: 'scratch', output, storage });
  await buildah.look(tag, measure);
} finally {
  rmSync(output, { recursive: true, force: true });
}

async function measure(folder: string): Promise<void> {
  let asked = Promise.withResolvers<number>();
  await using listener = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => asked.resolve(performance.now()));
  });
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  const { port } = listener.address() as { port: number };
  const shop = { kind: 'postgres', host: '127.0.0.1', port, database: 'shop', user: 'reader', tls: 'disable' } as const;
  // A run that is killed holds its source for a while: each has its own.
  const sources = Array.from({ length: times }, (_, time) => `orders_${time}`);
  await using scene = await openScene(
    { shop: { ...shop, secret: 'password' } },
    Object.fromEntries(
      sources.map((name) => [name, { connection: 'shop', table: name, load: { strategy: 'catalog' } }]),
    ),
    { password: 'of nobody' },
  );
  for (const [what, kind, options] of [
    ['without its warehouse', 'test', { connection: 'shop' }],
    ['after it read its state in the warehouse', 'run', {}],
  ] as const) {
    const taken: number[] = [];
    for (const source of sources) {
      asked = Promise.withResolvers();
      const environment = scene.environment(await scene.order(source, kind, options));
      const start = performance.now();
      const { child, ended } = startContainer(folder, ['/nodejs/bin/node', '/app/main.js'], environment);
      const early = ended.then(({ code, text }) =>
        Promise.reject(new Error(`ended (${code}) before it asked: ${text}`)),
      );
      taken.push((await Promise.race([asked.promise, early])) - start);
      child.kill('SIGKILL');
      await early.catch(() => undefined);
    }
    const sorted = taken.map(Math.round).sort((a, b) => a - b);
    console.log(`${what}: ${sorted[Math.floor(times / 2)]} ms (median of ${times}: ${sorted.join(', ')})`);
  }
}
