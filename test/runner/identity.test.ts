/** The runner's token for the webhook. */
import { expect, it } from 'vitest';
import { cachedIdentityToken } from '../../runner/identity/google.ts';
import { asOnGoogleCloud, jwt, startMetadata } from '../servers/identity.ts';

const AUDIENCE = 'https://tributary.acme.internal';
const claims = (token: string) => JSON.parse(Buffer.from(`${token.split('.')[1]}`, 'base64url').toString());

it('comes from the metadata server, for the audience, and once until it is refused', async () => {
  await using metadata = await startMetadata();
  using _ = asOnGoogleCloud(metadata);
  const token = cachedIdentityToken(AUDIENCE);
  const [first, second] = await Promise.all([token(false), token(false)]);
  expect(second).toBe(first);
  expect(claims(first)).toMatchObject({ aud: AUDIENCE });
  const anew = await token(true);
  expect(anew).not.toBe(first);
  expect(await token(false)).toBe(anew);
  expect(metadata.seen.filter(({ path }) => path.endsWith('/identity'))).toHaveLength(2);
});

it('is fetched again minutes before it ends, at once where its end cannot be read, and after a failure', async () => {
  let now = 0;
  let fetched = 0;
  let next: () => string = () => jwt({ exp: 3600 });
  const token = cachedIdentityToken(
    AUDIENCE,
    async () => {
      fetched += 1;
      return next();
    },
    () => now,
  );
  for (const [at, wanted] of [
    [0, 1],
    [3_299_000, 1],
    [3_301_000, 2],
  ] as const) {
    now = at;
    await token(false);
    expect(fetched).toBe(wanted);
  }
  next = () => 'garbage';
  await token(true);
  await token(false);
  expect(fetched).toBe(4);
  next = () => {
    throw new Error('no metadata server');
  };
  await expect(token(true)).rejects.toThrow('no metadata server');
  next = () => jwt({ exp: 1e9 });
  await token(false);
  expect(fetched).toBe(6);
});
