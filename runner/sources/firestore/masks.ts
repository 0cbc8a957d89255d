/** Masks, before a value leaves the reader. */
import { createHash, createHmac } from 'node:crypto';
import type { ReadColumn } from '../../core/contracts/source.ts';

export type Mask = NonNullable<ReadColumn['mask']>;

/** @param key of `hmac-sha256` */
export function masked(text: string, mask: Mask, key = ''): string | null {
  switch (mask) {
    case 'null':
      return null;
    case 'redact':
      return '***';
    case 'sha256':
      return createHash('sha256').update(text).digest('hex');
    case 'hmac-sha256':
      return createHmac('sha256', key).update(text).digest('hex');
  }
}
