/** The type of a query's column, from what the server announces of it: "Column Definition" of the protocol's documentation. */
import type { CoreColumn } from './connect.ts';

const NOT_NEEDED = 31;
const UNSIGNED = 32;
const ENUM = 256;
const SET = 2048;
const BINARY_CHARSET = 63;

const INTEGERS: Readonly<Record<number, string>> = {
  1: 'tinyint',
  2: 'smallint',
  3: 'int',
  8: 'bigint',
  9: 'mediumint',
};
const PLAIN: Readonly<Record<number, string>> = {
  4: 'float',
  5: 'double',
  6: 'char(0)',
  10: 'date',
  13: 'year',
  14: 'date',
  245: 'json',
  255: 'geometry',
};
const TIMES: Readonly<Record<number, string>> = { 7: 'timestamp', 11: 'time', 12: 'datetime' };

/**
 * The type as `information_schema` would name it.
 *
 * @example announcedType({ columnType: 8, flags: 32, … }) // 'bigint unsigned'
 */
export function announcedType(column: CoreColumn): string {
  const { columnType, flags, decimals, characterSet, extendedFormat, extendedTypeName } = column;
  if (extendedFormat === 'json') return 'json';
  const integer = INTEGERS[columnType];
  if (integer !== undefined) return (flags & UNSIGNED) === 0 ? integer : `${integer} unsigned`;
  const time = TIMES[columnType];
  if (time !== undefined) return decimals > 0 && decimals < NOT_NEEDED ? `${time}(${decimals})` : time;
  if (columnType === 246 || columnType === 0) return decimalType(column);
  if (columnType === 16) return `bit(${column.columnLength})`;
  const plain = PLAIN[columnType];
  if (plain !== undefined) return plain;
  if ((flags & ENUM) !== 0) return 'enum';
  if ((flags & SET) !== 0) return 'set';
  if (extendedTypeName !== undefined) return extendedTypeName;
  if (columnType === 242) return 'vector';
  return characterSet === BINARY_CHARSET ? 'varbinary' : 'varchar';
}

/** The length counts the point and, of a signed one, the sign. */
function decimalType({ columnLength, decimals, flags }: CoreColumn): string {
  const precision = columnLength - ((flags & UNSIGNED) === 0 ? 1 : 0) - (decimals > 0 ? 1 : 0);
  return `decimal(${Math.max(1, Math.min(65, precision), decimals)},${decimals})`;
}
