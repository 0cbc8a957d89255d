import { z } from 'zod';

/** A column as the source spells it. */
export const columnSchema = z
  .string()
  .min(1, 'must name a column')
  .meta({ examples: ['id'] });

/** A share of the whole, from 0 to 1. */
export const ratioSchema = z.number().min(0).max(1);

/** What a connection or a source is called. */
export const entryNameSchema = z
  .string()
  .regex(
    /^[a-z][a-z0-9_-]{0,62}$/,
    'must start with a small letter and hold only small letters, digits, - and _ (63 at most)',
  );

/** The name of a secret; the value lives in Secret Manager or in the laptop's store, never in YAML. */
export const secretNameSchema = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,62}$/,
    'is not the name of a secret: small letters, digits and -, starting with a letter. A secret is a name, never its value',
  );

export const projectSchema = z
  .string()
  .regex(/^(?:[a-z][a-z0-9.-]*:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/, 'must be the id of a Google Cloud project');

/** An email address; the message says so in our words. */
export const emailSchema = z.email('must be an email address');
