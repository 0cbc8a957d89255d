import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ACME, overwrite, type Scene, scene } from './scene.ts';

let its: Scene;
beforeEach(async () => {
  its = await scene();
});
afterEach(() => its[Symbol.asyncDispose]());

const problem = (status: number, code: string) => ({ status, body: { status, code } });
const file = () => readFileSync(join(its.folder, 'tenants/acme.yaml'), 'utf8');
const etag = async (path: string) => (await its.call('GET', path)).headers.get('etag') ?? '';
const YAML = 'application/yaml';
const ORDERS = '/v1/tenants/acme/sources/orders';

describe('tenants', () => {
  test('everybody sees their own', async () => {
    expect(await its.call('GET', '/v1/tenants', { as: 'vic' })).toMatchObject({ body: { tenants: ['acme'] } });
    expect(await its.call('GET', '/v1/tenants', { as: 'oz' })).toMatchObject({ body: { tenants: ['other'] } });
    const page = await its.call('GET', '/v1/tenants?limit=1', { as: 'root' });
    expect(page.body).toEqual({ tenants: ['acme'], nextCursor: 'acme' });
    const next = await its.call('GET', '/v1/tenants?limit=1&cursor=acme', { as: 'root' });
    expect(next.body).toEqual({ tenants: ['other'], nextCursor: null });
  });

  test('read as data or as the file, and not again while it is the same', async () => {
    const path = '/v1/tenants/acme';
    const data = await its.call('GET', path);
    expect(data.body).toMatchObject({
      tenant: 'acme',
      errors: [],
      spec: { sources: { orders: { table: 'public.orders' } } },
    });
    const yaml = await its.call('GET', path, { headers: { accept: YAML } });
    expect(yaml.text).toBe(ACME);
    const headers = { 'if-none-match': data.headers.get('etag') ?? '' };
    expect(await its.call('GET', path, { headers })).toMatchObject({ status: 304, text: '' });
  });

  test('a change needs the version it was made for, and only the first of two is taken', async () => {
    const path = '/v1/tenants/acme';
    const { spec } = (await its.call('GET', path)).body;
    const body = { ...spec, displayName: 'Acme Shop' };
    expect(await its.call('PUT', path, { body })).toMatchObject(problem(428, 'PRECONDITION_REQUIRED'));
    const headers = { 'if-match': await etag(path) };
    const answers = await Promise.all([
      its.call('PUT', path, { body, headers }),
      its.call('PUT', path, { body: { ...body, costCenter: 'x' }, headers }),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    expect(await its.call('PUT', path, { body, headers })).toMatchObject(problem(412, 'TENANT_CHANGED'));
    expect(file()).toContain("# the shop's own database");
    expect(file()).toContain('# what people buy');
    const written = answers.find(({ status }) => status === 200);
    expect(written?.headers.get('etag')).toBe(await etag(path));
  });

  test('a file goes in as it is; one that is wrong says where', async () => {
    const path = '/v1/tenants/acme';
    const headers = { 'if-match': await etag(path), 'content-type': YAML };
    const wrong = await its.call('PUT', path, { body: ACME.replace('catalog }', 'catalogue }'), headers });
    expect(wrong).toMatchObject({
      ...problem(422, 'TENANT_INVALID'),
      body: { errors: [{ pointer: '/sources/orders/load/strategy', line: 14, fix: 'did you mean catalog?' }] },
    });
    expect(file()).toBe(ACME);
    const yaml = `${ACME}# the end\n`;
    expect(await its.call('PUT', path, { body: yaml, headers })).toMatchObject({ status: 200 });
    expect(file()).toBe(yaml);
  });

  test('a new tenant is for admins of the platform; its name once', async () => {
    const body = { tenant: 'fresh' };
    expect(await its.call('POST', '/v1/tenants', { body })).toMatchObject(problem(403, 'FORBIDDEN'));
    const made = await its.call('POST', '/v1/tenants', { as: 'root', body });
    expect(made).toMatchObject({ status: 201, body: { tenant: 'fresh', spec: body } });
    expect(made.headers.get('location')).toBe('/v1/tenants/fresh');
    expect(await its.call('POST', '/v1/tenants', { as: 'root', body })).toMatchObject(problem(409, 'NAME_TAKEN'));
    const none = { 'if-none-match': '*' };
    const put = await its.call('PUT', '/v1/tenants/newer', { as: 'root', body: { tenant: 'newer' }, headers: none });
    expect(put).toMatchObject({ status: 201 });
    const again = await its.call('PUT', '/v1/tenants/newer', { as: 'root', body: { tenant: 'newer' }, headers: none });
    expect(again).toMatchObject(problem(412, 'TENANT_CHANGED'));
    const gone = await its.call('DELETE', '/v1/tenants/fresh', { as: 'root', headers: { 'if-match': '*' } });
    expect(gone.status).toBe(204);
    expect(await its.call('GET', '/v1/tenants/fresh', { as: 'root' })).toMatchObject(problem(404, 'TENANT_NOT_FOUND'));
  });

  test('a file that somebody broke is shown with what is wrong', async () => {
    overwrite(its, 'acme', ACME.replace('catalog }', 'catalogue }'));
    const answer = await its.call('GET', '/v1/tenants/acme', { as: 'root' });
    expect(answer).toMatchObject({
      status: 200,
      body: { spec: null, errors: [{ pointer: '/sources/orders/load/strategy' }] },
    });
    const trigger = await its.call('POST', `${ORDERS}/trigger`, { as: 'scheduler' });
    expect(trigger).toMatchObject(problem(422, 'TENANT_INVALID'));
  });

  test.each(['operator', 'viewer'])('an %s changes nothing', async (role) => {
    const as = role === 'operator' ? 'olga' : 'vic';
    const headers = { 'if-match': '*' };
    for (const path of ['/v1/tenants/acme', ORDERS, '/v1/tenants/acme/connections/shop'])
      expect(await its.call('DELETE', path, { as, headers })).toMatchObject(problem(403, 'FORBIDDEN'));
    expect(file()).toBe(ACME);
  });
});

describe('connections and sources', () => {
  test('a source is changed in its place; comments and neighbours stay', async () => {
    const before = await its.call('GET', ORDERS);
    const body = { ...before.body, table: 'public.purchases' };
    const headers = { 'if-match': before.headers.get('etag') ?? '' };
    const answer = await its.call('PUT', ORDERS, { body, headers });
    expect(answer).toMatchObject({ status: 200, body });
    for (const line of [
      "# the shop's own database",
      '# what people buy',
      'table: public.purchases',
      'table: public.customers',
    ])
      expect(file()).toContain(line);
    expect(answer.headers.get('etag')).toBe(await etag(ORDERS));
    expect(await its.call('PUT', ORDERS, { body, headers })).toMatchObject(problem(412, 'TENANT_CHANGED'));
  });

  test('two who change two sources at once both succeed', async () => {
    const paths = [ORDERS, '/v1/tenants/acme/sources/customers'];
    const changes = paths.map(async (path) => {
      const { body, headers } = await its.call('GET', path);
      const match = { 'if-match': headers.get('etag') ?? '' };
      return its.call('PUT', path, { body: { ...body, quarantine: { maxRows: 7 } }, headers: match });
    });
    expect((await Promise.all(changes)).map(({ status }) => status)).toEqual([200, 200]);
    expect(file().match(/maxRows: 7/g)).toHaveLength(2);
  });

  test('the result is checked as a whole file', async () => {
    const shop = '/v1/tenants/acme/connections/shop';
    const used = await its.call('DELETE', shop, { headers: { 'if-match': '*' } });
    expect(used).toMatchObject({
      ...problem(422, 'TENANT_INVALID'),
      body: { errors: [{ pointer: expect.stringContaining('/sources/') }, {}] },
    });
    const spec = { connection: 'none', table: 'public.x', load: { strategy: 'catalog' } };
    const lost = await its.call('POST', '/v1/tenants/acme/sources', { body: { name: 'lost', spec } });
    expect(lost).toMatchObject(problem(422, 'TENANT_INVALID'));
    expect(file()).toBe(ACME);
  });

  test('made, listed, read and removed', async () => {
    const spec = { kind: 'mysql', host: 'db.example', database: 'erp', user: 'etl' };
    const made = await its.call('POST', '/v1/tenants/acme/connections', { body: { name: 'erp', spec } });
    expect(made).toMatchObject({ status: 201, body: spec });
    const path = made.headers.get('location') ?? '';
    expect(await its.call('POST', '/v1/tenants/acme/connections', { body: { name: 'erp', spec } })).toMatchObject(
      problem(409, 'NAME_TAKEN'),
    );
    const { body } = await its.call('GET', '/v1/tenants/acme/connections', { as: 'vic' });
    expect(Object.keys(body.connections)).toEqual(['shop', 'erp']);
    const read = await its.call('GET', path, { headers: { 'if-none-match': made.headers.get('etag') ?? '' } });
    expect(read.status).toBe(304);
    expect(await its.call('DELETE', path, {})).toMatchObject(problem(428, 'PRECONDITION_REQUIRED'));
    const headers = { 'if-match': made.headers.get('etag') ?? '' };
    expect(await its.call('DELETE', path, { headers })).toMatchObject({ status: 204 });
    expect(await its.call('DELETE', path, { headers })).toMatchObject(problem(404, 'SOURCE_NOT_FOUND'));
    const none = { 'if-none-match': '*' };
    expect(await its.call('PUT', path, { body: spec, headers: none })).toMatchObject({ status: 201 });
    expect(await its.call('PUT', path, { body: spec, headers: none })).toMatchObject(problem(412, 'TENANT_CHANGED'));
  });

  test('a value where a name belongs, and names of the language itself', async () => {
    const body = { kind: 'postgres', host: 'h', database: 'd', user: 'u', password: 'hunter2' };
    const answer = await its.call('PUT', '/v1/tenants/acme/connections/shop', { body, headers: { 'if-match': '*' } });
    expect(answer).toMatchObject(problem(422, 'REQUEST_INVALID'));
    expect(answer.text).not.toContain('hunter2');
    expect(await its.call('GET', '/v1/tenants/acme/sources/constructor')).toMatchObject(
      problem(404, 'SOURCE_NOT_FOUND'),
    );
    expect(await its.call('GET', '/v1/tenants/acme/sources/__proto__')).toMatchObject(problem(422, 'REQUEST_INVALID'));
  });
});
