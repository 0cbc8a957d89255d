/** Keeps values of secrets out of texts. */

/**
 * Replaces every known value in a text by `***`, also where it was URL-encoded or JSON-escaped on the way,
 * and each long line of a value of several lines (a key in PEM).
 */
export function redactor(values: Iterable<string>): (text: string) => string {
  const forms = new Set<string>();
  for (const value of values) {
    for (const part of [value, ...value.split(/\r?\n/).filter((line) => line.length >= 16)]) {
      for (const form of [part, urlEncoded(part), JSON.stringify(part).slice(1, -1)]) forms.add(form);
    }
  }
  forms.delete('');
  if (forms.size === 0) return (text) => text;
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(
    longestFirst.map((form) => form.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'),
    'g',
  );
  return (text) => text.replaceAll(pattern, '***');
}

/** A value that is no well-formed text cannot have been URL-encoded. */
function urlEncoded(value: string): string {
  return value.isWellFormed() ? encodeURIComponent(value) : value;
}
