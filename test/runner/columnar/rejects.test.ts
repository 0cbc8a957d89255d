import { expect, it } from 'vitest';
import { oneLineEnd } from '../../../runner/columnar/files/rejects.ts';

const ends = (text: string, escaping?: string) =>
  oneLineEnd(Buffer.from(text), { delimiter: ',', quote: '"', escape: escaping }).toString();

it('makes one kind of line ends, and leaves what is inside of quotes', () => {
  expect(ends('a,b\r\nc,d\n')).toBe('a,b\nc,d\n');
  expect(ends('a,"b\r\nb"\r\nc')).toBe('a,"b\r\nb"\nc');
  expect(ends('a,"b""\r\nb"\r\nc')).toBe('a,"b""\r\nb"\nc');
  expect(ends('a,"b\\"\r\nb"\r\nc', '\\')).toBe('a,"b\\"\r\nb"\nc');
  expect(ends('a,"b\\\\"\r\nc', '\\')).toBe('a,"b\\\\"\nc');
  expect(ends('a,b"c\r\n"d\r\ne",f\r\n')).toBe('a,b"c\n"d\r\ne",f\n');
});
