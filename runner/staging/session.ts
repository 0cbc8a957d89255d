/** The wire of one resumable upload: a file from some byte on, and the question how far it came. */
import { open as openFile } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import { refusal } from './errors.ts';

/** The object that an upload became, as far as it is looked at. */
export interface StoredObject {
  readonly crc32c: string;
  readonly size: number;
  readonly generation: string;
}

/** The object, or the first byte that is still missing. */
export type Progress = { readonly object: StoredObject } | { readonly from: number };

export interface Transmission {
  /** Address of the session. It is a credential: who has it may write the object. */
  readonly session: string;
  readonly file: string;
  readonly size: number;
  readonly from: number;
  /** Sees every byte on its way, as it was read. */
  readonly look: (chunk: Buffer, at: number) => void;
}

const READ_BYTES = 256 << 10;
/** Without a byte in either direction for so long the connection is given up. */
const STALL_MS = 60_000;
const INCOMPLETE = 308;

/** Sends the file from a byte on. */
export async function send(transmission: Transmission, signal: AbortSignal): Promise<Progress> {
  const { session, size, from } = transmission;
  const range = size === 0 ? 'bytes */0' : `bytes ${from}-${size - 1}/${size}`;
  const request = open(session, { 'content-length': size - from, 'content-range': range }, signal);
  const answered = answerOf(request);
  // Where the connection breaks the request itself says why; a file that cannot be read ends it.
  writeFile(request, transmission).catch((error) => request.destroy(error));
  try {
    return await progressOf(await answered);
  } finally {
    request.destroy();
  }
}

/** Through one buffer, which is free again when the system has its bytes: streams would leave one behind for each read. */
async function writeFile(request: ClientRequest, { file, size, from, look }: Transmission): Promise<void> {
  await using handle = await openFile(file);
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  for (let at = from; at < size && !request.destroyed; ) {
    const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, at);
    if (bytesRead === 0) throw new Error(`${file} became shorter`);
    const chunk = buffer.subarray(0, bytesRead);
    look(chunk, at);
    at += bytesRead;
    await new Promise<void>((resolve, reject) => {
      request.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  }
  request.end();
}

/** Asks how far the session is. */
export async function ask(session: string, size: number, signal: AbortSignal): Promise<Progress> {
  const request = open(session, { 'content-length': 0, 'content-range': `bytes */${size}` }, signal);
  const answered = answerOf(request);
  request.end();
  return progressOf(await answered);
}

function open(session: string, headers: Record<string, string | number>, signal: AbortSignal): ClientRequest {
  const start = session.startsWith('https:') ? requestHttps : requestHttp;
  const request = start(session, { method: 'PUT', headers, signal });
  request.setTimeout(STALL_MS, () => request.destroy(new Error(`nothing moved for ${STALL_MS / 1000} s`)));
  return request;
}

function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => request.once('response', resolve).on('error', reject));
}

async function progressOf(answer: IncomingMessage): Promise<Progress> {
  const { statusCode: status = 0, headers } = answer;
  const body = await text(answer);
  if (status === INCOMPLETE) {
    const last = /-(\d+)$/.exec(String(headers.range ?? ''))?.[1];
    return { from: last === undefined ? 0 : Number(last) + 1 };
  }
  if (status < 200 || status > 299) throw refusal(status, body);
  const { crc32c, size, generation } = JSON.parse(body) as {
    crc32c: string;
    size: string | number;
    generation: string;
  };
  return { object: { crc32c, size: Number(size), generation: String(generation) } };
}
