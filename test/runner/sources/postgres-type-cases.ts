/** Values of PostgreSQL and what the embedded warehouse holds of them. */

export interface TypeCase {
  readonly type: string;
  /** An SQL literal of the source, without its cast. */
  readonly value: string;
  /** `null`: a NULL. Text as the warehouse prints it. */
  readonly found: string | null;
  readonly stored: string;
  /** How to print the column; default: as text. */
  readonly show?: 'hex' | 'length';
}

const decimal = (scale: number) => `DECIMAL(38,${scale})`;
const one = (type: string, value: string, found: string | null, stored: string, show?: TypeCase['show']): TypeCase => ({
  type,
  value,
  found,
  stored,
  ...(show === undefined ? {} : { show }),
});
const UTC = 'TIMESTAMP WITH TIME ZONE';

export const TYPE_CASES: readonly TypeCase[] = [
  one('smallint', "'-32768'", '-32768', 'BIGINT'),
  one('integer', "'2147483647'", '2147483647', 'BIGINT'),
  one('integer', "'-2147483648'", '-2147483648', 'BIGINT'),
  one('bigint', "'9223372036854775807'", '9223372036854775807', 'BIGINT'),
  one('bigint', "'-9223372036854775808'", '-9223372036854775808', 'BIGINT'),
  one('oid', "'4294967295'", '4294967295', 'BIGINT'),
  one('boolean', 'true', 'true', 'BOOLEAN'),
  one('boolean', 'false', 'false', 'BOOLEAN'),
  one('real', "'1.5'", '1.5', 'DOUBLE'),
  one('double precision', "'1e308'", '1e+308', 'DOUBLE'),
  one('double precision', "'5e-324'", '5e-324', 'DOUBLE'),
  one('double precision', "'NaN'", 'nan', 'DOUBLE'),
  one('double precision', "'Infinity'", 'inf', 'DOUBLE'),
  one('real', "'-Infinity'", '-inf', 'DOUBLE'),
  one('double precision', "'-0'", '-0.0', 'DOUBLE'),
  one('numeric', '123456789012345678901234567.123456789', '123456789012345678901234567.123456789', decimal(9)),
  one('numeric', '-99999999.999999', '-99999999.999999000', decimal(9)),
  one('numeric', '1e-9', '0.000000001', decimal(9)),
  one('numeric', '-0.000000001', '-0.000000001', decimal(9)),
  one('numeric', '99999999999999999999999999999.999999999', '99999999999999999999999999999.999999999', decimal(9)),
  one('numeric', '0', '0.000000000', decimal(9)),
  one('numeric', '100000000', '100000000.000000000', decimal(9)),
  one('numeric(12,2)', '-9999999999.99', '-9999999999.99', decimal(2)),
  one('numeric(12,2)', '10000', '10000.00', decimal(2)),
  one('numeric(4,4)', '0.0001', '0.0001', decimal(4)),
  one(
    'numeric(38,20)',
    "'-123456789012345678.12345678901234567891'",
    '-123456789012345678.12345678901234567891',
    decimal(20),
  ),
  one(
    'numeric(38,0)',
    "'99999999999999999999999999999999999999'",
    '99999999999999999999999999999999999999',
    decimal(0),
  ),
  one(
    'numeric(50,10)',
    "'1234567890123456789012345678.0123456789'",
    '1234567890123456789012345678.0123456789',
    decimal(10),
  ),
  one('numeric(5,-2)', "'1234567'", '1234600', decimal(0)),
  one('money', "'-$1,234.50'", '-1234.50', decimal(2)),
  one('date', "'0001-01-01'", '0001-01-01', 'DATE'),
  one('date', "'9999-12-31'", '9999-12-31', 'DATE'),
  one('date', "'2024-02-29'", '2024-02-29', 'DATE'),
  one('time', "'23:59:59.999999'", '23:59:59.999999', 'TIME'),
  one('time(0)', "'00:00:00'", '00:00:00', 'TIME'),
  one('timetz', "'12:34:56.789+05:30'", '12:34:56.789+05:30', 'VARCHAR'),
  one('timestamp', "'1850-02-03 04:05:06.789012'", '1850-02-03 04:05:06.789012', 'TIMESTAMP'),
  one('timestamp(3)', "'9999-12-31 23:59:59.999'", '9999-12-31 23:59:59.999', 'TIMESTAMP'),
  one('timestamp', "'0001-01-01 00:00:00'", '0001-01-01 00:00:00', 'TIMESTAMP'),
  one('timestamptz', "'1999-12-31 23:59:59.999999+00'", '1999-12-31 23:59:59.999999+00', UTC),
  one('timestamptz', "'2000-01-01 00:00:00.000001+02'", '1999-12-31 22:00:00.000001+00', UTC),
  one('timestamptz', "'1969-12-31 23:59:59.999999+00'", '1969-12-31 23:59:59.999999+00', UTC),
  one('interval', "'1 year 2 months 3 days 04:05:06.789'", 'P1Y2M3DT4H5M6.789S', 'VARCHAR'),
  one('interval', "'-1 day'", 'P-1D', 'VARCHAR'),
  one('uuid', "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'VARCHAR'),
  one('json', `'{"b": 1,  "a": [1, null], "b": 2}'`, '{"b": 1,  "a": [1, null], "b": 2}', 'JSON'),
  one('jsonb', `'{"b":1,"a":"\\u00e9 🙂"}'`, '{"a": "é 🙂", "b": 1}', 'JSON'),
  one('jsonb', "'1'", '1', 'JSON'),
  one('jsonb', "'null'", 'null', 'JSON'),
  one('bytea', "'\\x'", '', 'BLOB', 'hex'),
  one('bytea', "'\\x00'", '00', 'BLOB', 'hex'),
  one('bytea', "'\\x00ff00fe0a0d5c27000102030405'", '00FF00FE0A0D5C27000102030405', 'BLOB', 'hex'),
  one('integer[]', "'{1,NULL,3}'", '[1,null,3]', 'JSON'),
  one('text[]', `'{a,"b,c","",NULL}'`, '["a","b,c","",null]', 'JSON'),
  one('numeric(5,1)[]', "'{{1.5,2.0},{3.1,4.0}}'", '[[1.5,2.0],[3.1,4.0]]', 'JSON'),
  one('timestamptz[]', "'{2020-01-01 00:00:00+00}'", '["2020-01-01T00:00:00+00:00"]', 'JSON'),
  one('text[]', "'{}'", '[]', 'JSON'),
  one('mood', "'très bien'", 'très bien', 'VARCHAR'),
  one('pair', `'(1,"x, ""y""")'`, '{"n":1,"words":"x, \\"y\\""}', 'JSON'),
  one('pair[]', `ARRAY['(1,a)','(2,)']::pair[]`, '[{"n":1,"words":"a"},{"n":2,"words":null}]', 'JSON'),
  one('price', '10.5', '10.50', decimal(2)),
  one('code', "'ab'", 'ab', 'VARCHAR'),
  one('tags', "'{x,y}'", '["x","y"]', 'JSON'),
  one('document', `'{"a":1}'`, '{"a": 1}', 'JSON'),
  one('instant', "'2020-01-01 00:00:00.000001+00'", '2020-01-01 00:00:00.000001+00', UTC),
  one('raw_bytes', "'\\x00ff'", '00FF', 'BLOB', 'hex'),
  one('int4range', "'[1,10)'", '[1,10)', 'VARCHAR'),
  one('tstzrange', "'[2020-01-01 00:00+00,)'", '["2020-01-01 00:00:00+00",)', 'VARCHAR'),
  one('int4multirange', "'{[1,3),[5,8)}'", '{[1,3),[5,8)}', 'VARCHAR'),
  one('inet', "'192.168.0.1/24'", '192.168.0.1/24', 'VARCHAR'),
  one('cidr', "'2001:db8::/32'", '2001:db8::/32', 'VARCHAR'),
  one('macaddr', "'08:00:2B:01:02:03'", '08:00:2b:01:02:03', 'VARCHAR'),
  one('bit(3)', "B'101'", '101', 'VARCHAR'),
  one('bit varying(9)', "B'1010'", '1010', 'VARCHAR'),
  one('xml', '\'<a b="1">é</a>\'', '<a b="1">é</a>', 'VARCHAR'),
  one('"char"', "'x'", 'x', 'VARCHAR'),
  one('name', "'a_name'", 'a_name', 'VARCHAR'),
  one('point', "'(1.5,2)'", '(1.5,2)', 'VARCHAR'),
  one('tsvector', "'a fat cat'", "'a' 'cat' 'fat'", 'VARCHAR'),
  one('regclass', "'pg_class'", 'pg_class', 'VARCHAR'),
  one('char(6)', "'ab'", 'ab    ', 'VARCHAR'),
  one('varchar(5)', "'héllo'", 'héllo', 'VARCHAR'),
  one('text', "''", '', 'VARCHAR'),
  one('text', "'\\N'", '\\N', 'VARCHAR'),
  one('text', `E'a\\nb,"c"\\t''d''\\r\\n\\\\'`, 'a\nb,"c"\t\'d\'\r\n\\', 'VARCHAR'),
  one('text', "'exactly 12 b'", 'exactly 12 b', 'VARCHAR'),
  one('text', "'just thirteen'", 'just thirteen', 'VARCHAR'),
  one('text', "'日本語テキスト🙂👩‍👩‍👧'", '日本語テキスト🙂👩‍👩‍👧', 'VARCHAR'),
  one('text', "repeat('zé', 1000)", 'zé'.repeat(1000), 'VARCHAR'),
  one('text', "repeat('abc🙂', 50000)", 'abc🙂'.repeat(50_000), 'VARCHAR'),
  ...['bigint', 'numeric', 'text', 'bytea', 'jsonb', 'uuid', 'timestamptz', 'date', 'boolean', 'integer[]'].map(
    (type) =>
      one(
        type,
        'NULL',
        null,
        {
          bigint: 'BIGINT',
          numeric: decimal(9),
          text: 'VARCHAR',
          bytea: 'BLOB',
          jsonb: 'JSON',
          uuid: 'VARCHAR',
          timestamptz: UTC,
          date: 'DATE',
          boolean: 'BOOLEAN',
        }[type] ?? 'JSON',
      ),
  ),
];

/** Types that the cases use and the server does not have. */
export const TYPE_SETUP = `
  CREATE TYPE mood AS ENUM ('sad', 'très bien'); CREATE TYPE pair AS (n int, words text);
  CREATE DOMAIN price AS numeric(12,2); CREATE DOMAIN code AS varchar(9); CREATE DOMAIN tags AS text[];
  CREATE DOMAIN document AS jsonb; CREATE DOMAIN instant AS timestamptz; CREATE DOMAIN raw_bytes AS bytea;`;

export interface MisfitCase {
  readonly type: string;
  readonly value: string;
  /** As the quarantined row holds it. */
  readonly text: string;
  readonly reason: RegExp;
}

/** Values that no type of the warehouse can hold. */
export const MISFIT_CASES: readonly MisfitCase[] = [
  { type: 'numeric', value: "'NaN'", text: 'NaN', reason: /NaN/ },
  { type: 'numeric', value: "'Infinity'", text: 'Infinity', reason: /Infinity/ },
  { type: 'numeric', value: '0.0000000001', text: '0.0000000001', reason: /more than 9 digits after/ },
  { type: 'numeric', value: "'-1e29'", text: `-1${'0'.repeat(29)}`, reason: /more than 29 digits before/ },
  {
    type: 'numeric(50,10)',
    value: "'1e39'",
    text: `1${'0'.repeat(39)}.${'0'.repeat(10)}`,
    reason: /more than 28 digits before/,
  },
  { type: 'numeric(12,2)', value: "'NaN'", text: 'NaN', reason: /NaN/ },
  { type: 'date', value: "'infinity'", text: 'infinity', reason: /infinity is outside/ },
  { type: 'date', value: "'-infinity'", text: '-infinity', reason: /-infinity is outside/ },
  { type: 'date', value: "'0044-03-15 BC'", text: '0044-03-15 BC', reason: /BC/ },
  { type: 'date', value: "'10000-01-01'", text: '10000-01-01', reason: /10000/ },
  { type: 'timestamp', value: "'infinity'", text: 'infinity', reason: /infinity/ },
  { type: 'timestamp', value: "'0001-12-31 23:59:59 BC'", text: '0001-12-31 23:59:59 BC', reason: /BC/ },
  {
    type: 'timestamp',
    value: "'294276-12-31 23:59:59.999999'",
    text: '294276-12-31 23:59:59.999999',
    reason: /294276/,
  },
  { type: 'timestamptz', value: "'-infinity'", text: '-infinity', reason: /infinity/ },
  { type: 'timestamptz', value: "'10000-01-01 00:00:00+00'", text: '10000-01-01 00:00:00+00', reason: /10000/ },
  { type: 'time', value: "'24:00:00'", text: '24:00:00', reason: /24:00:00/ },
];
