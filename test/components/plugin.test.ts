import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { root } from '../setup/ways.ts';

const require = createRequire(import.meta.url);
const { ResourceProviderClient } = require('@pulumi/pulumi/proto/provider_grpc_pb.js');
const { GetSchemaRequest } = require('@pulumi/pulumi/proto/provider_pb.js');
const { credentials } = require('@grpc/grpc-js');

let host: ChildProcess | undefined;
afterAll(() => host?.kill());

it('serves the committed schema to other languages', async () => {
  const runPlugin = join(root, 'node_modules/@pulumi/pulumi/cmd/run-plugin/index.js');
  host = spawn(process.execPath, [runPlugin, root, '127.0.0.1:1'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise<string>((resolve, reject) => {
    host?.stdout?.once('data', (line: Buffer) => resolve(line.toString().trim()));
    host?.once('exit', (code) => reject(new Error(`the plugin ended with ${code}`)));
  });
  const client = new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure());
  const schema = await new Promise<string>((resolve, reject) => {
    client.getSchema(new GetSchemaRequest(), (error: Error | null, answer: { getSchema(): string }) =>
      error === null ? resolve(answer.getSchema()) : reject(error),
    );
  });
  client.close();
  expect(JSON.parse(schema)).toEqual(JSON.parse(readFileSync(join(root, 'components/schema.json'), 'utf8')));
});
