/** Who signs tokens, in tests: keys made here, published over HTTP as Google publishes its own. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';

export interface TokenIssuer extends AsyncDisposable {
  readonly jwksUrl: string;
  /** How often the keys were asked for. */
  readonly asked: () => number;
  /** Signs with the newest key. @param header beside `alg` and `kid` */
  sign(claims: JWTPayload, header?: Partial<JWTHeaderParameters>): Promise<string>;
  /** The newest public key, as a file in PEM would have it. */
  publicKey(): Promise<string>;
  /** A new key; the old ones are published no more. */
  rotate(): Promise<void>;
  /** What is answered instead of the keys; `null`: the keys. */
  answer(instead: { readonly status: number; readonly body: string } | 'nothing' | null): void;
}

export async function startIssuer(algorithm: 'RS256' | 'ES256' = 'RS256'): Promise<TokenIssuer> {
  let serial = 0;
  let asked = 0;
  let instead: Parameters<TokenIssuer['answer']>[0] = null;
  const newKey = async () => {
    serial += 1;
    const kid = `key-${serial}`;
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
    return { kid, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' } };
  };
  let key = await newKey();
  const server = createServer((_, response) => {
    asked += 1;
    if (instead === 'nothing') return;
    const { status, body } = instead ?? { status: 200, body: JSON.stringify({ keys: [key.jwk] }) };
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/certs`,
    asked: () => asked,
    sign: (claims, header = {}) =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: algorithm, kid: key.kid, typ: 'JWT', ...header })
        .sign(key.privateKey),
    publicKey: async () => {
      const { exportSPKI } = await import('jose');
      return exportSPKI(key.publicKey);
    },
    async rotate() {
      key = await newKey();
    },
    answer(next) {
      instead = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
