/** SQL fragments. */

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function list(names: readonly string[], render: (name: string) => string = quoteName): string {
  return names.map(render).join(', ');
}
