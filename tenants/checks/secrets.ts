import { type Finding, type Path, valueFinding } from '../issues.ts';
import type { Draft } from './draft.ts';

/** Values that only ever are secrets. The finding never repeats them. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:[^\s@]+@/i, 'an address with a password in it'],
  [/\b(?:AccountKey|SharedAccessSignature|SharedAccessKey)=/i, 'a connection string of Azure'],
  [/[?&]sig=[\w%+/-]{16,}/i, 'a signed address of Azure'],
  [/\b(?:password|passwd|pwd)\s*=\s*[^\s;]+/i, 'a connection string with a password'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----/, 'a private key'],
  [/"private_key"\s*:/, 'the key of a service account'],
];

export function* checkSecrets(draft: Draft): Iterable<Finding> {
  yield* look(draft.data, []);
}

function* look(value: unknown, path: Path): Iterable<Finding> {
  if (typeof value === 'string' && path.at(-1) !== 'query') {
    const found = SECRETS.find(([pattern]) => pattern.test(value));
    if (found === undefined) return;
    yield valueFinding(
      path,
      `holds ${found[1]}: a secret is a name, never a value`,
      'write secret: <name>, store the value with: tributary secret set <tenant> <name>, and change the leaked one',
    );
  } else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) yield* look(item, [...path, i]);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) yield* look(item, [...path, key]);
  }
}
