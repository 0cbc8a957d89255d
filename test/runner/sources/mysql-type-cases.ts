/** Values of MySQL and what the embedded warehouse holds of them. */

export interface TypeCase {
  readonly type: string;
  /** An SQL literal of the source. */
  readonly value: string;
  /** `null`: a NULL. Text as the warehouse prints it. */
  readonly found: string | null;
  readonly stored: string;
  /** How to print the column; default: as text. */
  readonly show?: 'hex';
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

/** Columns are nullable where nothing else is said: a TIMESTAMP is not by itself. */
export const TYPE_CASES: readonly TypeCase[] = [
  one('tinyint', '-128', '-128', 'BIGINT'),
  one('tinyint(1)', '2', '2', 'BIGINT'),
  one('boolean', 'true', '1', 'BIGINT'),
  one('tinyint unsigned', '255', '255', 'BIGINT'),
  one('smallint', '-32768', '-32768', 'BIGINT'),
  one('smallint unsigned', '65535', '65535', 'BIGINT'),
  one('mediumint', '-8388608', '-8388608', 'BIGINT'),
  one('mediumint unsigned', '16777215', '16777215', 'BIGINT'),
  one('int', '-2147483648', '-2147483648', 'BIGINT'),
  one('int unsigned', '4294967295', '4294967295', 'BIGINT'),
  one('int(5) zerofill', '42', '42', 'BIGINT'),
  one('bigint', '9223372036854775807', '9223372036854775807', 'BIGINT'),
  one('bigint', '-9223372036854775808', '-9223372036854775808', 'BIGINT'),
  one('bigint unsigned', '18446744073709551615', '18446744073709551615', decimal(0)),
  one('bigint unsigned', '9223372036854775808', '9223372036854775808', decimal(0)),
  one('float', '1.5', '1.5', 'DOUBLE'),
  one('float', '1.1', '1.100000023841858', 'DOUBLE'),
  one('double', '-1.7976931348623157e308', '-1.7976931348623157e+308', 'DOUBLE'),
  one('double', '2.2250738585072014e-308', '2.2250738585072014e-308', 'DOUBLE'),
  one('decimal(12,2)', '-9999999999.99', '-9999999999.99', decimal(2)),
  one('decimal(12,2)', '0', '0.00', decimal(2)),
  one('decimal(12,2)', '-0.01', '-0.01', decimal(2)),
  one('decimal', '1.4', '1', decimal(0)),
  one('decimal(4,4)', '0.0001', '0.0001', decimal(4)),
  one('decimal(15,0)', '999999999999999', '999999999999999', decimal(0)),
  one('decimal(16,0)', '-9999999999999999', '-9999999999999999', decimal(0)),
  one(
    'decimal(38,9)',
    '99999999999999999999999999999.999999999',
    '99999999999999999999999999999.999999999',
    decimal(9),
  ),
  one('decimal(30,20)', '-1234567890.12345678901234567891', '-1234567890.12345678901234567891', decimal(20)),
  one('decimal(65,30)', '1234567890123456789.5', `1234567890123456789.5${'0'.repeat(18)}`, decimal(19)),
  one('decimal(10,3) unsigned', '1234567.125', '1234567.125', decimal(3)),
  one('bit(1)', "b'1'", '1', 'BIGINT'),
  one('bit(5)', "b'10101'", '21', 'BIGINT'),
  one('bit(63)', `b'${'1'.repeat(63)}'`, '9223372036854775807', 'BIGINT'),
  one('bit(64)', `b'${'1'.repeat(64)}'`, '18446744073709551615', decimal(0)),
  one('year', '2155', '2155', 'BIGINT'),
  one('year', '1901', '1901', 'BIGINT'),
  one('year', '0', '0', 'BIGINT'),
  one('date', "'0001-01-01'", '0001-01-01', 'DATE'),
  one('date', "'9999-12-31'", '9999-12-31', 'DATE'),
  one('date', "'2000-02-29'", '2000-02-29', 'DATE'),
  one('date', "'0000-00-00'", null, 'DATE'),
  one('date', "'2025-00-15'", null, 'DATE'),
  one('date', "'2025-11-00'", null, 'DATE'),
  one('date', "'2023-02-29'", null, 'DATE'),
  one('datetime', "'1850-02-03 04:05:06'", '1850-02-03 04:05:06', 'TIMESTAMP'),
  one('datetime(6)', "'9999-12-31 23:59:59.999999'", '9999-12-31 23:59:59.999999', 'TIMESTAMP'),
  one('datetime(6)', "'0001-01-01 00:00:00.000001'", '0001-01-01 00:00:00.000001', 'TIMESTAMP'),
  one('datetime(6)', "'1969-12-31 23:59:59.999999'", '1969-12-31 23:59:59.999999', 'TIMESTAMP'),
  one('datetime(3)', "'2024-02-29 12:00:00.120'", '2024-02-29 12:00:00.12', 'TIMESTAMP'),
  one('datetime(1)', "'2255-06-05 23:47:34.9'", '2255-06-05 23:47:34.9', 'TIMESTAMP'),
  one('datetime', "'2024-05-06 00:00:00'", '2024-05-06 00:00:00', 'TIMESTAMP'),
  one('datetime', "'0000-00-00 00:00:00'", null, 'TIMESTAMP'),
  one('datetime', "'2025-00-15 10:00:00'", null, 'TIMESTAMP'),
  one('timestamp(6) NULL', "'2038-01-19 03:14:07.999999'", '2038-01-19 03:14:07.999999+00', UTC),
  one('timestamp NULL', "'1970-01-01 00:00:01'", '1970-01-01 00:00:01+00', UTC),
  one('timestamp NULL', "'0000-00-00 00:00:00'", null, UTC),
  one('time', "'00:00:00'", '00:00:00', 'TIME'),
  one('time(6)', "'23:59:59.999999'", '23:59:59.999999', 'TIME'),
  one('time(3)', "'01:02:03.400'", '01:02:03.4', 'TIME'),
  one('json', `'{"a": [1, null], "b": 1, "ü": "🙂"}'`, '{"a": [1, null], "b": 1, "ü": "🙂"}', 'JSON'),
  one('json', "'null'", 'null', 'JSON'),
  one("enum('sad','très bien')", "'très bien'", 'très bien', 'VARCHAR'),
  one("enum('sad','it''s')", "'it''s'", "it's", 'VARCHAR'),
  one("set('x','y','z')", "'x,z'", 'x,z', 'VARCHAR'),
  one("set('x','y')", "''", '', 'VARCHAR'),
  one('binary(4)', "x'00ff'", '00FF0000', 'BLOB', 'hex'),
  one('varbinary(20)', "x'00ff00fe0a0d5c2700010203040506'", '00FF00FE0A0D5C2700010203040506', 'BLOB', 'hex'),
  one('blob', "''", '', 'BLOB', 'hex'),
  one('longblob', "x'00'", '00', 'BLOB', 'hex'),
  one('tinyblob', "'abc'", '616263', 'BLOB', 'hex'),
  one('char(6)', "'ab'", 'ab', 'VARCHAR'),
  one('varchar(5)', "'héllo'", 'héllo', 'VARCHAR'),
  one('varchar(5)', "'a    '", 'a    ', 'VARCHAR'),
  one('text', "''", '', 'VARCHAR'),
  one('text', "'\\\\N'", '\\N', 'VARCHAR'),
  one('text', `'a\\nb,"c"\\t''d''\\r\\n\\\\'`, 'a\nb,"c"\t\'d\'\r\n\\', 'VARCHAR'),
  one('tinytext', "'exactly 12 b'", 'exactly 12 b', 'VARCHAR'),
  one('mediumtext', "'just thirteen'", 'just thirteen', 'VARCHAR'),
  one('longtext', "'日本語テキスト🙂👩‍👩‍👧'", '日本語テキスト🙂👩‍👩‍👧', 'VARCHAR'),
  one('text', "REPEAT('zé', 1000)", 'zé'.repeat(1000), 'VARCHAR'),
  one('longtext', "REPEAT('abc🙂', 50000)", 'abc🙂'.repeat(50_000), 'VARCHAR'),
  one('text CHARACTER SET latin1', "'café €'", 'café €', 'VARCHAR'),
  one('text CHARACTER SET utf16', "'naïve 🙂'", 'naïve 🙂', 'VARCHAR'),
  one('text CHARACTER SET utf32', "'🙂'", '🙂', 'VARCHAR'),
  one('text CHARACTER SET ucs2', "'Żółć'", 'Żółć', 'VARCHAR'),
  one('text CHARACTER SET utf8mb3', "'日本'", '日本', 'VARCHAR'),
  one('text CHARACTER SET sjis', "'日本語'", '日本語', 'VARCHAR'),
  one('text CHARACTER SET euckr', "'한국어'", '한국어', 'VARCHAR'),
  one('text CHARACTER SET gbk', "'汉字'", '汉字', 'VARCHAR'),
  one('text CHARACTER SET big5', "'漢字'", '漢字', 'VARCHAR'),
  one('text CHARACTER SET koi8r', "'Привет'", 'Привет', 'VARCHAR'),
  one('text CHARACTER SET cp1251', "'Привет'", 'Привет', 'VARCHAR'),
  one('text CHARACTER SET latin2 COLLATE latin2_czech_cs', "'Příliš'", 'Příliš', 'VARCHAR'),
  one('text CHARACTER SET greek', "'Ελλάδα'", 'Ελλάδα', 'VARCHAR'),
  one('text CHARACTER SET hebrew', "'שלום'", 'שלום', 'VARCHAR'),
  one('text CHARACTER SET cp850', "'café'", 'café', 'VARCHAR'),
  one('varchar(20) COLLATE utf8mb4_bin', "'Straße'", 'Straße', 'VARCHAR'),
  one("enum('ż','b') CHARACTER SET latin2", "'ż'", 'ż', 'VARCHAR'),
  one('point', "ST_GeomFromText('POINT(1.5 2)')", 'POINT(1.5 2)', 'VARCHAR'),
  one('polygon', "ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')", 'POLYGON((0 0,1 0,1 1,0 0))', 'VARCHAR'),
  one('geometry', "ST_GeomFromText('LINESTRING(0 0,1 1)')", 'LINESTRING(0 0,1 1)', 'VARCHAR'),
  ...(
    [
      ['bigint', 'BIGINT'],
      ['bigint unsigned', decimal(0)],
      ['decimal(10,2)', decimal(2)],
      ['double', 'DOUBLE'],
      ['text', 'VARCHAR'],
      ['blob', 'BLOB'],
      ['json', 'JSON'],
      ['date', 'DATE'],
      ['datetime(6)', 'TIMESTAMP'],
      ['timestamp NULL', UTC],
      ['time', 'TIME'],
      ['year', 'BIGINT'],
      ['bit(5)', 'BIGINT'],
      ["enum('a')", 'VARCHAR'],
      ['point', 'VARCHAR'],
    ] as const
  ).map(([type, stored]) => one(type, 'NULL', null, stored)),
];

/** What only MariaDB has. */
export const MARIADB_CASES: readonly TypeCase[] = [
  one('uuid', "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'VARCHAR'),
  one('inet6', "'2001:db8::ff'", '2001:db8::ff', 'VARCHAR'),
  one('inet4', "'192.0.2.1'", '192.0.2.1', 'VARCHAR'),
  one('int invisible', 'NULL', null, 'BIGINT'),
  // MySQL sorts keys and sets spaces as it stores them.
  one('json', `'{"b": 1,  "a": [1, null], "ü": "🙂"}'`, '{"b": 1,  "a": [1, null], "ü": "🙂"}', 'JSON'),
  one('decimal(38,38)', `-0.${'9'.repeat(38)}`, `-.${'9'.repeat(38)}`, decimal(38)),
];

export interface MisfitCase {
  readonly type: string;
  readonly value: string;
  /** As the quarantined row holds it. */
  readonly text: string;
  readonly reason: RegExp;
}

/** Values that no type of the warehouse can hold, where the policy is to set rows aside. */
export const MISFIT_CASES: readonly MisfitCase[] = [
  { type: 'date', value: "'0000-00-00'", text: '0000-00-00', reason: /0000-00-00 is no day/ },
  { type: 'date', value: "'2025-00-15'", text: '2025-00-15', reason: /2025-00-15 is no day/ },
  { type: 'date', value: "'2025-02-30'", text: '2025-02-30', reason: /2025-02-30 is no day/ },
  {
    type: 'datetime(6)',
    value: "'2025-04-31 01:02:03.000004'",
    text: '2025-04-31 01:02:03.000004',
    reason: /2025-04-31/,
  },
  { type: 'timestamp NULL', value: "'0000-00-00'", text: '0000-00-00 00:00:00+00', reason: /0000-00-00/ },
  { type: 'time', value: "'24:00:00'", text: '24:00:00', reason: /24:00:00 is no time of day/ },
  { type: 'time', value: "'838:59:59'", text: '838:59:59', reason: /838:59:59/ },
  { type: 'time(6)', value: "'-00:00:00.000001'", text: '-00:00:00.000001', reason: /no time of day/ },
  {
    type: 'decimal(65,30)',
    value: `0.${'1'.repeat(30)}`,
    text: `0.${'1'.repeat(30)}`,
    reason: /more than 19 digits after/,
  },
  {
    type: 'decimal(65,0)',
    value: '9'.repeat(65),
    text: '9'.repeat(65),
    reason: /more than 38 digits before/,
  },
];
