import { CRC32C } from '@google-cloud/storage';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { crc32c, crc32cText } from '../../../runner/staging/crc32c.ts';

it('is the sum of the standard', () => {
  expect(crc32c(Buffer.from('123456789')) >>> 0).toBe(0xe306_9283);
  expect(crc32c(Buffer.alloc(0))).toBe(0);
});

it('is the sum of Cloud Storage, wherever the bytes lie and however they are cut', () => {
  const cut = fc.record({ bytes: fc.uint8Array({ maxLength: 200 }), shift: fc.nat(17), at: fc.nat(200) });
  fc.assert(
    fc.property(cut, ({ bytes, shift, at }) => {
      const moved = new Uint8Array(bytes.length + shift);
      moved.set(bytes, shift);
      const whole = moved.subarray(shift);
      const official = new CRC32C();
      official.update(Buffer.from(bytes));
      expect(crc32cText(crc32c(whole))).toBe(official.toString());
      expect(crc32c(whole.subarray(at), crc32c(whole.subarray(0, at)))).toBe(crc32c(whole));
    }),
  );
});
