/** Takes out of a text what looks like a secret, whoever wrote it. */

const MASK = '***';
/** Each replaces what it finds and keeps what is around it; none runs over a quote, so JSON stays JSON. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:(?!-----END)[^"])*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g, MASK],
  [/\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?/g, MASK],
  [/\b(?:ya29\.|ghp_|gho_|ghs_|github_pat_|glpat-|xox[abeprs]-|AIza|AKIA|ASIA|sk_live_|GOCSPX-)[\w.~+/=-]{8,}/g, MASK],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi, `$1 ${MASK}`],
  [/(:\/\/[^\s/:@"]*:)[^\s/@"]+(?=@)/g, `$1${MASK}`],
  [
    /(\b[\w-]*(?:password|passwd|pwd|secret|token|api[_-]?key|credential|signature)\b\s*[:=]\s*)[^\s"'\\,;&}{)]+/gi,
    `$1${MASK}`,
  ],
];
/** A field of such a name holds a secret, whatever it looks like. */
const NAMES =
  /(?<!^fencing)(?:authorization|cookie|password|passwd|pwd|secret|token|api[_-]?key|credentials?|private[_-]?key|assertion)$/i;
const DEEPEST = 8;

export function scrubbed(text: string): string {
  return SHAPES.reduce((left, [shape, instead]) => left.replace(shape, instead), text);
}

/** The same with every text in it; errors as what they say; what is too deep as a sign that it is. */
export function scrubbedValue(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrubbed(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEEPEST) return '…';
  if (value instanceof Date) return value;
  if (value instanceof Error) {
    const { name, message, stack, cause } = value;
    const why = cause === undefined ? {} : { cause: scrubbedValue(cause, depth + 1) };
    return { name, message: scrubbed(message), ...(stack === undefined ? {} : { stack: scrubbed(stack) }), ...why };
  }
  if (Array.isArray(value)) return value.map((each) => scrubbedValue(each, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      NAMES.test(name) && each !== null && each !== undefined ? MASK : scrubbedValue(each, depth + 1),
    ]),
  );
}
