/** The wire of one resumable upload: bytes from some place on, and the question how far it came. */
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
  readonly bytes: UploadBytes;
  readonly from: number;
  /** Sees every byte on its way, as it was read. */
  readonly look: (chunk: Uint8Array, at: number) => void;
}

/** What is uploaded. It can be read again, from any byte, and gives the same. */
export interface UploadBytes {
  readonly size: number;
  /** A chunk is done with when the next one is asked for. Ends with the loop over it. */
  read(from: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Without a byte in either direction for so long the connection is given up. */
const STALL_MS = 60_000;
const INCOMPLETE = 308;

/** Sends all from a byte on. */
export async function send(transmission: Transmission, signal: AbortSignal): Promise<Progress> {
  const { session, bytes, from } = transmission;
  const { size } = bytes;
  const range = size === 0 ? 'bytes */0' : `bytes ${from}-${size - 1}/${size}`;
  const ending = new AbortController();
  const request = open(session, { 'content-length': size - from, 'content-range': range }, signal);
  const answered = answerOf(request);
  // Where the connection breaks the request itself says why; bytes that cannot be read end it.
  write(request, transmission, AbortSignal.any([signal, ending.signal])).catch((error) => request.destroy(error));
  try {
    return await progressOf(await answered);
  } finally {
    request.destroy();
    ending.abort();
  }
}

/** A chunk is free again when the system has its bytes. */
async function write(request: ClientRequest, { bytes, from, look }: Transmission, signal: AbortSignal): Promise<void> {
  let at = from;
  for await (const chunk of at < bytes.size ? bytes.read(at, signal) : []) {
    if (request.destroyed) return;
    look(chunk, at);
    at += chunk.length;
    await new Promise<void>((resolve, reject) => {
      request.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  }
  if (at !== bytes.size) throw new Error(`${bytes.size - at} byte(s) are missing of what is uploaded`);
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
