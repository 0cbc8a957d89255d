import { describe, expect, it } from 'vitest';
import { parseTenant } from '../../tenants/load.ts';
import * as naming from '../../tenants/naming.ts';
import { tenantText as shortest } from '../../tenants/text.ts';
import { issuesOf, said } from './file.ts';

const file = (streams: string, { shop = '', more = '', sources = '' } = {}) => `tenant: acme
connections:
  shop: {kind: postgres, host: db, database: shop, user: reader, secret: shop-password${shop}}
  legacy: {kind: mysql, host: db, database: erp, user: reader, secret: legacy-password}
  app: {kind: firestore, project: acme-app}
${more}
sources:
  orders: {connection: shop, table: public.orders, load: {strategy: catalog}}
${sources}
streams:
${streams}
`;
const POSTGRES = 'publication: p, replicationSlot: s';
const cdc = (rest: string, name = 'cdc') =>
  `  ${name}: {kind: datastream, connection: shop, tables: {include: [public.t]}, ${rest}}`;
const erp = (rest: string) => `  erp: {kind: datastream, connection: legacy, tables: {include: [erp.t]}${rest}}`;

const CASES: Record<string, [text: string, ...wanted: string[]]> = {
  'all that is needed': [file([cdc(POSTGRES), erp(', position: gtid'), '  clicks: {kind: pubsub}'].join('\n'))],
  'an unknown kind': [file('  x: {kind: kafka}'), 'streams.x.kind: '],
  'an unknown key': [file(`${cdc(`${POSTGRES}, freshness: 5m`)}`), 'streams.cdc.freshness: unknown key freshness'],
  'an unknown connection': [
    file(cdc(POSTGRES).replace('connection: shop', 'connection: shpo')),
    'streams.cdc.connection: there is no connection shpo | did you mean shop?',
  ],
  'a connection that Datastream does not read': [
    file(cdc(POSTGRES).replace('connection: shop', 'connection: app')),
    'streams.cdc.connection: Datastream reads no firestore connection | name a postgres or mysql connection',
  ],
  'PostgreSQL without a slot': [file(cdc('publication: p')), 'streams.cdc: a postgres stream needs replicationSlot'],
  'PostgreSQL without a publication': [
    file(cdc('replicationSlot: s')),
    'streams.cdc: a postgres stream needs publication',
  ],
  'PostgreSQL with a position of MySQL': [
    file(cdc(`${POSTGRES}, position: gtid`)),
    'streams.cdc.position: postgres has no position | remove position',
  ],
  'MySQL without a position': [file(erp('')), 'streams.erp: a mysql stream needs position | write position: gtid'],
  'MySQL with a slot': [
    file(erp(', position: gtid, replicationSlot: s')),
    'streams.erp.replicationSlot: mysql has no replicationSlot',
  ],
  'two streams, one slot': [
    file([cdc(POSTGRES), cdc(POSTGRES, 'other').replace('public.t', 'public.u')].join('\n')),
    'streams.other.replicationSlot: cdc and other read one slot',
  ],
  'one slot by two names of the server': [
    file(
      [
        cdc(POSTGRES),
        cdc(POSTGRES, 'other').replace('public.t', 'public.u').replace('connection: shop', 'connection: again'),
      ].join('\n'),
      {
        more: '  again: {kind: postgres, host: DB, database: two, user: reader, secret: shop-password}',
      },
    ),
    'streams.other.replicationSlot: cdc and other read one slot',
  ],
  'a stream and a source write one table': [
    file(cdc(POSTGRES), { sources: '  public_t: {connection: shop, table: t, load: {strategy: catalog}}' }),
    'streams.cdc.tables.include[0]: source public_t and stream cdc both write acme_raw.public_t',
  ],
  'a topic and a source write one table': [
    file('  orders: {kind: pubsub}'),
    'streams.orders.destination.table: source orders and stream orders both write acme_raw.orders',
  ],
  'the same table elsewhere': [file('  orders: {kind: pubsub, destination: {dataset: acme_web}}')],
  'a table twice': [
    file(cdc(POSTGRES).replace('[public.t]', '[public.t, public.t]')),
    'streams.cdc.tables.include[1]: public_t stands here twice',
  ],
  'the dataset of evidence': [
    file('  clicks: {kind: pubsub, destination: {dataset: acme_tributary}}'),
    'streams.clicks.destination.dataset: acme_tributary belongs to Tributary itself',
  ],
  'no password': [
    file(cdc(POSTGRES)).replace(', secret: shop-password', ''),
    'connections.shop: Datastream takes the password from a secret',
  ],
  'a Unix socket': [
    file(cdc(POSTGRES)).replace('host: db, database: shop', 'host: /run/postgresql, database: shop'),
    'connections.shop.host: Datastream cannot reach a Unix socket',
  ],
  'a server that must prove itself, by nobody': [
    file(cdc(POSTGRES), { shop: ', tls: verify-full' }),
    'streams.cdc: shop has tls: verify-full, and the stream does not say who signs the server',
  ],
  'two ways to a server': [
    file(
      cdc(
        `${POSTGRES}, privateConnectivity: {subnet: 10.30.0.0/29, networkAttachment: projects/p/regions/r/networkAttachments/n}`,
      ),
    ),
    'streams.cdc.privateConnectivity: subnet and networkAttachment exclude each other',
  ],
  'no way to a server': [
    file(cdc(`${POSTGRES}, privateConnectivity: {}`)),
    'streams.cdc.privateConnectivity: nothing says how the server is reached',
  ],
  'a range that is no /29': [
    file(cdc(`${POSTGRES}, privateConnectivity: {subnet: 10.30.0.0/24}`)),
    'streams.cdc.privateConnectivity.subnet: subnet must be a free range of eight addresses',
  ],
  'a dataset and one for each schema': [
    file(cdc(`${POSTGRES}, destination: {layout: schemas, dataset: x}`)),
    'streams.cdc.destination.dataset: layout: schemas has a dataset for each schema',
  ],
  'a freshness of what is only appended': [
    file(cdc(`${POSTGRES}, mode: append-only, dataFreshness: 5m`)),
    'streams.cdc.dataFreshness: dataFreshness is about merging',
  ],
  'a table without its schema': [file(cdc(POSTGRES).replace('public.t', 't')), 'streams.cdc.tables.include[0]: '],
  'names that become one': [
    file('  web-clicks: {kind: pubsub}\n  web_clicks: {kind: pubsub, destination: {table: other}}'),
    'streams.web_clicks: web-clicks and web_clicks become the same name',
  ],
  'messages that are lost within the hour': [
    file('  clicks: {kind: pubsub, retention: 1h}'),
    'streams.clicks.retention: retention must be 1d to 31d | write for example retention: 7d',
  ],
  'a duration that is none': [
    file('  clicks: {kind: pubsub, deadLetter: {retention: ""}}'),
    'streams.clicks.deadLetter.retention: retention must be a whole number and s, m, h or d',
  ],
  'one try': [file('  clicks: {kind: pubsub, deadLetter: {attempts: 1}}'), 'streams.clicks.deadLetter.attempts: '],
  'columns of a table that is there': [
    file('  clicks: {kind: pubsub, columns: [{name: a, type: STRING}], destination: {make: false}}'),
    'streams.clicks.columns: the table is there already',
  ],
  'a column twice': [
    file('  clicks: {kind: pubsub, columns: [{name: a, type: STRING}, {name: A, type: STRING}]}'),
    'streams.clicks.columns[1].name: a stands here twice',
  ],
  'a column of Pub/Sub’s': [
    file('  clicks: {kind: pubsub, columns: [{name: message_id, type: STRING}]}'),
    'streams.clicks.columns[0].name: message_id is a column that writeMetadata adds',
  ],
  'the same without metadata': [
    file('  clicks: {kind: pubsub, writeMetadata: false, columns: [{name: message_id, type: STRING}]}'),
  ],
  'a function that is not there': [
    file('  clicks: {kind: pubsub, transform: {function: clean, javascript: "function tidy(m) { return m; }"}}'),
    'streams.clicks.transform.function: the code has no function clean',
  ],
  'a function of an arrow': [
    file('  clicks: {kind: pubsub, transform: {function: clean, javascript: "const clean = (m) => m;"}}'),
  ],
  'Dataflow without columns': [
    file(
      '  clicks: {kind: pubsub, transform: {runs: dataflow, function: f, javascript: "function f(t) { return t; }"}}',
    ),
    'streams.clicks: Dataflow writes into columns, and there is none',
  ],
  'a password in the code': [
    file(
      '  clicks: {kind: pubsub, transform: {function: f, javascript: "function f(m) { return m; } // password=hunter2"}}',
    ),
    'a secret is a name, never a value',
  ],
};

describe('streams', () => {
  it.each(Object.entries(CASES))('%s', (_, [text, ...wanted]) => {
    const found = said(text);
    if (wanted.length === 0) expect(found).toEqual([]);
    for (const part of wanted) expect(found.join('\n')).toContain(part);
    expect(found.length).toBe(wanted.length);
  });

  it('say where: the line and the column of each thing that is wrong', () => {
    const text = file(`${cdc(POSTGRES)}
  clicks: {kind: pubsub, retention: 1h}
  views: {kind: pubsub, destination: {dataset: acme_staging}}`);
    const places = issuesOf(text).map(({ line, column, path }) => {
      const at = text.split('\n')[line - 1]?.slice(column - 1) ?? '';
      return [path, at.split(/[,}]/)[0]];
    });
    expect(places).toEqual([
      ['streams.clicks.retention', '1h'],
      ['streams.views.destination.dataset', 'acme_staging'],
    ]);
  });

  it('come back from the shortest file that says them', () => {
    const text = file(
      [
        cdc(`${POSTGRES}, state: paused`),
        erp(', position: gtid'),
        '  clicks: {kind: pubsub, filter: "hasPrefix(attributes.a, \\"b\\")"}',
      ].join('\n'),
    );
    const { tenant } = parseTenant(text, 'acme.yaml');
    if (tenant === null) throw new Error('no tenant');
    const again = shortest(tenant);
    expect(parseTenant(again, 'acme.yaml').tenant).toEqual(tenant);
    expect(again).not.toMatch(/backfill|ackDeadline|retention/);
  });
});

describe('names of streams', () => {
  it('fit their services, whatever the tenant and the stream', () => {
    const long = 'a_'.repeat(31);
    for (const [tenant, stream] of [
      ['acme', 'clicks'],
      ['a'.repeat(19), long],
      ['a-b', 'c'],
    ] as const) {
      expect(naming.streamId(tenant, stream)).toMatch(/^[a-z][a-z0-9-]{0,49}$/);
      expect(naming.streamAccount(tenant, stream)).toMatch(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/);
      expect(naming.deadLetterTopic(tenant, stream)).toMatch(/^(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}$/);
    }
  });

  it('are no neighbour’s', () => {
    for (const name of [naming.streamId, naming.streamAccount, naming.streamTopic, naming.deadLetterTopic]) {
      expect(name('acme', 'eu-clicks')).not.toBe(name('acme-eu', 'clicks'));
      expect(name('acme', 'a-b')).not.toBe(name('acme', 'a_b'));
    }
    expect(naming.deadLetterTopic('acme', 'clicks')).not.toBe(naming.streamTopic('acme', 'clicks-dead-letter'));
  });
});
