/** Rules that many types share. */
import { type Properties, stringsAt, type Value, valuesAt } from '../values.ts';
import type { Rule } from './kind.ts';

/** Every string at the path matches; `says` completes "must …". */
export function matches(path: string, pattern: RegExp, says: string): Rule {
  return (inputs) =>
    stringsAt(inputs, path)
      .filter(({ value }) => !pattern.test(value))
      .map((at) => ({ path: at.path, reason: `${JSON.stringify(at.value)} must ${says}` }));
}

export function oneOf(path: string, members: readonly string[]): Rule {
  return (inputs) =>
    stringsAt(inputs, path)
      .filter(({ value }) => !members.includes(value))
      .map((at) => ({
        path: at.path,
        reason: `expected one of ${members.join(', ')}, got ${JSON.stringify(at.value)}`,
      }));
}

export function between(path: string, least: number, most: number): Rule {
  return (inputs) =>
    valuesAt(inputs, path)
      .filter(({ value }) => typeof value === 'number' && (value < least || value > most))
      .map((at) => ({ path: at.path, reason: `expected ${least} to ${most}, got ${at.value}` }));
}

/** A duration as Google spells it: seconds with up to nine decimals and an `s`. */
export function duration(path: string, least = 0, most = Number.POSITIVE_INFINITY): Rule {
  return (inputs) =>
    stringsAt(inputs, path).flatMap((at) => {
      if (!/^\d+(\.\d{1,9})?s$/.test(at.value)) {
        return { path: at.path, reason: `${JSON.stringify(at.value)} is no duration, as in "60s"` };
      }
      const seconds = Number.parseFloat(at.value);
      if (seconds >= least && seconds <= most) return [];
      return { path: at.path, reason: `expected ${least}s to ${most}s, got ${at.value}` };
    });
}

/** Exactly one of these properties of the object at the path (of the resource itself where it is empty). */
export function exactlyOne(path: string, keys: readonly string[]): Rule {
  return (inputs) =>
    (path === '' ? [{ path, value: inputs as Value }] : valuesAt(inputs, path)).flatMap((at) => {
      const given = keys.filter((key) => (at.value as Properties)?.[key] != null);
      if (given.length === 1) return [];
      const got = given.length === 0 ? 'none' : given.join(' and ');
      return { path: at.path, reason: `expected exactly one of ${keys.join(', ')}, got ${got}` };
    });
}

/** Labels as Google takes them. */
export function labels(path: string): Rule {
  return (inputs) => {
    const all = stringsAt(inputs, `${path}.*`);
    const wrong = all.flatMap((at) => {
      const key = at.path.slice(path.length + 1);
      if (!/^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u.test(key)) {
        return {
          path: at.path,
          reason: `label key ${JSON.stringify(key)} must be 1 to 63 lower-case letters, digits, _ or -`,
        };
      }
      if (/^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u.test(at.value)) return [];
      return {
        path: at.path,
        reason: `label value ${JSON.stringify(at.value)} must be at most 63 lower-case letters, digits, _ or -`,
      };
    });
    return all.length > 64 ? [...wrong, { path, reason: `${all.length} labels, at most 64 are taken` }] : wrong;
  };
}

export function json(path: string): Rule {
  return (inputs) =>
    stringsAt(inputs, path).flatMap((at) => {
      try {
        JSON.parse(at.value);
        return [];
      } catch (error) {
        return { path: at.path, reason: `no JSON: ${(error as Error).message}` };
      }
    });
}

export const rfc1035 = (path: string, longest = 63): Rule =>
  matches(
    path,
    new RegExp(`^[a-z]([-a-z0-9]{0,${longest - 2}}[a-z0-9])?$`),
    `be 1 to ${longest} lower-case letters, digits or -, starting with a letter and not ending with -`,
  );

const REGION =
  /^(?:africa|asia|australia|europe|me|northamerica|southamerica|us)-(?:central|north|south|east|west|northeast|northwest|southeast|southwest)\d{1,2}$/;

/** A region, or one of the multi-regions of that service, whatever the case. */
export function location(path: string, ...multi: readonly string[]): Rule {
  return (inputs) =>
    stringsAt(inputs, path)
      .filter(({ value }) => !REGION.test(value.toLowerCase()) && !multi.includes(value.toLowerCase()))
      .map((at) => ({
        path: at.path,
        reason: `${JSON.stringify(at.value)} is no region${multi.length === 0 ? '' : `, nor ${multi.join(', ')}`}`,
      }));
}

/** `when` holds only together with all of `needs`. */
export function needs(when: string, ...also: readonly string[]): Rule {
  return (inputs) => {
    if (valuesAt(inputs, when).length === 0) return [];
    return also
      .filter((path) => inputs[path.split('.')[0] ?? path] == null)
      .map((path) => ({ path: when, reason: `needs ${path} as well` }));
  };
}

export function base64(path: string): Rule {
  return (inputs) =>
    stringsAt(inputs, path)
      .filter(({ value }) => Buffer.from(value, 'base64').toString('base64') !== value)
      .map((at) => ({ path: at.path, reason: 'must be base64' }));
}

export function refuse(path: string, when: (inputs: Properties) => boolean, reason: string): Rule {
  return (inputs) => (when(inputs) ? [{ path, reason }] : []);
}
