import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../../webhook/app.ts';
import { isForeign } from '../../../webhook/auth/cross-origin.ts';
import { CALLER_RATE, RateLimit } from '../../../webhook/auth/rate-limit.ts';
import { type Scene, scene } from '../routes/scene.ts';

describe('a rate', () => {
  it('lets a burst through, then as many as it says', () => {
    const limit = new RateLimit({ perSecond: 2, burst: 3 });
    expect([0, 0, 0, 0].map((at) => limit.take('ada', at))).toEqual([0, 0, 0, 1]);
    expect(limit.take('olga', 0)).toBe(0);
    expect([500, 500].map((at) => limit.take('ada', at))).toEqual([0, 1]);
    expect([60_000, 60_000, 60_000, 60_000].map((at) => limit.take('ada', at))).toEqual([0, 0, 0, 1]);
  });

  it('says how long to wait', () => {
    const limit = new RateLimit({ perSecond: 0.1, burst: 1 });
    expect([limit.take('ada', 0), limit.take('ada', 0), limit.take('ada', 5000)]).toEqual([0, 10, 5]);
  });

  it('remembers no more than it may, and those who asked last', () => {
    const limit = new RateLimit({ perSecond: 1, burst: 1 }, 100);
    for (let n = 0; n < 5000; n += 1) limit.take(`10.0.${n >> 8}.${n & 255}`, 0);
    expect(limit.size).toBe(100);
    expect(limit.take('10.0.19.135', 0)).toBe(1);
  });
});

describe('another site', () => {
  it.each<[string | undefined, string | undefined, boolean]>([
    [undefined, undefined, false],
    ['same-origin', 'http://evil.example', false],
    ['none', undefined, false],
    ['cross-site', undefined, true],
    ['same-site', undefined, true],
    ['anything', undefined, true],
    [undefined, 'http://localhost:8080', false],
    [undefined, 'http://localhost:8081', true],
    [undefined, 'null', true],
    [undefined, 'https://evil.example', true],
  ])('Sec-Fetch-Site %s, Origin %s', (site, origin, foreign) => {
    expect(isForeign(site, origin, 'localhost:8080')).toBe(foreign);
  });
});

describe('the service', () => {
  let here: Scene;
  beforeAll(async () => {
    here = await scene();
  });
  afterAll(() => here[Symbol.asyncDispose]());

  it('answers a caller that asks too often with 429 and when to come back', async () => {
    const app = createApp(here.dependencies);
    const headers = await here.headersOf('vic');
    const ask = () => app.request('/v1/runs/none', { headers });
    const all: Response[] = [];
    for (let n = 0; n < 200 && !all.some(({ status }) => status === 429); n += 1) {
      all.push(...(await Promise.all(Array.from({ length: CALLER_RATE.burst / 2 }, ask))));
    }
    const refused = all.find(({ status }) => status === 429);
    expect(refused?.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(await refused?.json()).toMatchObject({ code: 'TOO_MANY_REQUESTS', status: 429 });
    const other = await app.request('/v1/runs/none', { headers: await here.headersOf('ada') });
    expect(other.status).toBe(404);
  });

  it('refuses a change that a page of elsewhere asks for, and takes it from its own', async () => {
    const ask = async (site: string) =>
      here.call('POST', '/v1/runs/none/cancel', { as: 'ada', headers: { 'sec-fetch-site': site } });
    expect((await ask('cross-site')).status).toBe(403);
    expect((await ask('same-origin')).status).toBe(404);
  });
});
