import type { z } from 'zod';
import type { Path } from './issues.ts';

/** A schema seen from inside, as far as the walk needs it. */
interface Definition {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly out?: z.ZodType;
  readonly shape?: Record<string, z.ZodType>;
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly discriminator?: string;
}

const definition = (schema: z.ZodType) => schema._zod.def as unknown as Definition;

/** The schema in charge of a path, wrappers kept, following the branch that the data chose. */
export function schemaAt(root: z.ZodType, path: Path, data: unknown): z.ZodType | undefined {
  let schema: z.ZodType | undefined = root;
  let value = data;
  for (const step of path) {
    if (schema === undefined) return undefined;
    const { shape, element, valueType } = definition(bare(schema, value));
    schema = shape !== undefined ? ownValue(shape, String(step)) : (element ?? valueType);
    value = ownValue(value, String(step));
  }
  return schema;
}

/** The keys that an object at a path may have. */
export function keysAt(root: z.ZodType, path: Path, data: unknown): string[] {
  const schema = schemaAt(root, path, data);
  if (schema === undefined) return [];
  return Object.keys(definition(bare(schema, valueAt(data, path))).shape ?? {});
}

/** An example of what belongs at a path. */
export function exampleAt(root: z.ZodType, path: Path, data: unknown): unknown {
  for (let schema = schemaAt(root, path, data); schema !== undefined; schema = inner(schema)) {
    const example = schema.meta()?.examples;
    if (Array.isArray(example)) return example[0];
  }
  return undefined;
}

export function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, step) => ownValue(value, String(step)), data);
}

function inner(schema: z.ZodType): z.ZodType | undefined {
  const { innerType, type, out } = definition(schema);
  return innerType ?? (type === 'pipe' ? out : undefined);
}

function bare(schema: z.ZodType, value: unknown): z.ZodType {
  const { options, discriminator } = definition(schema);
  if (options !== undefined && discriminator !== undefined) {
    const chosen = ownValue(value, discriminator);
    const right = options.find((option) => definition(option).shape?.[discriminator]?.safeParse(chosen).success);
    return right ?? schema;
  }
  const next = inner(schema);
  return next === undefined ? schema : bare(next, value);
}

function ownValue<T>(value: Record<string, T> | unknown, key: string): T | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, T>)[key];
}
