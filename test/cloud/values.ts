/** Property values as they cross the wire: plain JSON, a sentinel for what is not known yet, an envelope for secrets. */

export type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };
export type Properties = Readonly<Record<string, Value>>;

/** Stands for a value that only an `up` will know. */
export const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

const SIGNATURE = '4dabf18193072939515e22adb298388d';
const SECRET = '1b47061264138c4ac30d75fd1eb44270';

export function secret(value: Value): Value {
  return { [SIGNATURE]: SECRET, value };
}

export function isObject(value: Value | undefined): value is Properties {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value);
}

/** Without nulls, which say the same as an absent property. */
export function present(properties: Properties): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== null));
}

export function sameValue(one: Value | undefined, other: Value | undefined): boolean {
  if (one === other) return true;
  if (isList(one) && isList(other)) return one.length === other.length && one.every((v, i) => sameValue(v, other[i]));
  if (!isObject(one) || !isObject(other)) return false;
  const [left, right] = [present(one), present(other)];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => sameValue(left[key], right[key]));
}

/**
 * All values at a path with `*` for every element: `template.containers.*.image`. Absent and unknown ones are left out,
 * so that a rule sees only what can be judged.
 */
export function valuesAt(properties: Properties, path: string): readonly { path: string; value: Value }[] {
  let found: { path: string; value: Value }[] = [{ path: '', value: properties }];
  for (const step of path.split('.')) {
    found = found.flatMap(({ path: at, value }) => childrenOf(at, value, step));
  }
  return found.filter(({ value }) => value !== null && value !== UNKNOWN);
}

export function stringsAt(properties: Properties, path: string): readonly { path: string; value: string }[] {
  return valuesAt(properties, path).filter((at): at is { path: string; value: string } => typeof at.value === 'string');
}

/** The first string there, or undefined. */
export function stringAt(properties: Properties, path: string): string | undefined {
  return stringsAt(properties, path)[0]?.value;
}

function childrenOf(at: string, value: Value, step: string): { path: string; value: Value }[] {
  if (step === '*' && isList(value)) return value.map((element, i) => ({ path: `${at}[${i}]`, value: element }));
  if (!isObject(value)) return [];
  const keys = step === '*' ? Object.keys(value) : [step];
  return keys.flatMap((key) => {
    const child = value[key];
    return child === undefined ? [] : [{ path: at === '' ? key : `${at}.${key}`, value: child }];
  });
}
