/** One upload against a server that keeps to the documented protocol of resumable uploads, which the emulator does not. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBucket } from '../../../runner/staging/client.ts';
import { crc32c, crc32cText } from '../../../runner/staging/crc32c.ts';
import { uploadFile } from '../../../runner/staging/upload.ts';
import { QUICK } from './scene.ts';

const BYTES = randomBytes(3 << 20);
let folder: string;
let server: Server;
/** Bytes that the session has kept. */
let kept = Buffer.alloc(0);
let ranges: string[] = [];
/** The line is cut once so many bytes are there; the last is Infinity. */
let cuts: number[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-upload-'));
  writeFileSync(join(folder, 'file'), BYTES);
  server = createServer((request, answer) => {
    if (request.method === 'POST') {
      kept = Buffer.alloc(0);
      const { port } = server.address() as AddressInfo;
      return void answer.writeHead(200, { location: `http://127.0.0.1:${port}/session` }).end();
    }
    const range = String(request.headers['content-range']);
    ranges.push(range);
    if (range === `bytes */${BYTES.length}`) return void progress(answer.on('finish', () => request.resume()));
    expect(Number(/^bytes (\d+)-/.exec(range)?.[1])).toBe(kept.length);
    const cut = cuts.shift() ?? Number.POSITIVE_INFINITY;
    request.on('data', (chunk: Buffer) => {
      kept = Buffer.concat([kept, chunk]);
      if (kept.length < cut) return;
      kept = kept.subarray(0, cut);
      request.socket.destroy();
    });
    request.on('end', () => progress(answer));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

function progress(answer: ServerResponse): void {
  if (kept.length === BYTES.length)
    answer.end(JSON.stringify({ crc32c: crc32cText(crc32c(kept)), size: String(kept.length), generation: '1' }));
  else answer.writeHead(308, kept.length === 0 ? {} : { range: `bytes=0-${kept.length - 1}` }).end();
}

function upload(signal = new AbortController().signal) {
  ranges = [];
  const { port } = server.address() as AddressInfo;
  const bucket = openBucket({ bucket: 'any', endpoint: `http://127.0.0.1:${port}` });
  const what = { bucket, tenant: 'acme', name: 'object', file: join(folder, 'file'), contentType: 'text/plain' };
  return uploadFile({ ...what, budget: QUICK }, signal);
}

it('goes on from the byte that the server has not, without starting again', async () => {
  cuts = [1_000_001, 2_000_003];
  await expect(upload()).resolves.toMatchObject({ bytes: BYTES.length, crc32c: crc32cText(crc32c(BYTES)) });
  const end = `${BYTES.length - 1}/${BYTES.length}`;
  const asked = `bytes */${BYTES.length}`;
  expect(ranges).toEqual([`bytes 0-${end}`, asked, `bytes 1000001-${end}`, asked, `bytes 2000003-${end}`]);
  expect(kept.equals(BYTES)).toBe(true);
});

it('takes the answer that got lost from the session', async () => {
  cuts = [BYTES.length];
  await expect(upload()).resolves.toMatchObject({ crc32c: crc32cText(crc32c(BYTES)) });
  expect(ranges).toEqual([`bytes 0-${BYTES.length - 1}/${BYTES.length}`, `bytes */${BYTES.length}`]);
});

it('does not count attempts that bring it forward', async () => {
  cuts = Array.from({ length: 20 }, (_, i) => (i + 1) * 100_000);
  await expect(upload()).resolves.toMatchObject({ bytes: BYTES.length });
});
