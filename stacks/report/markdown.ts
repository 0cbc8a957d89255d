/** Text of others in a comment: it can neither format, nor mention anybody, nor show a secret. */

/** GitHub refuses a longer body. */
export const BODY_LIMIT = 65_536;

const SECRETS: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\b(?:ya29\.|ghp_|gho_|ghs_|github_pat_|xox[abp]-|AIza|AKIA|ASIA|eyJ)[\w.~+/=-]{8,}/g,
  /(?<=:\/\/)[^\s/:@]+:[^\s/@]+(?=@)/g,
  /(?<=\b[\w-]*(?:password|passwd|secret|token|api[_-]?key)\b["']?\s*[:=]\s*["']?)[^\s"',;}]+/gi,
];

/** Replaces what looks like a secret. */
export function redacted(text: string): string {
  return SECRETS.reduce((left, pattern) => left.replace(pattern, '[redacted]'), text);
}

/** One line, harmless in any place of a comment. */
export function plain(text: string, limit = 300): string {
  const line = redacted(text).replace(/\s+/g, ' ').trim();
  const short = line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
  return short.replace(/[&<>|@`*_[\]#\\~]/g, (character) => `&#${character.charCodeAt(0)};`);
}

export function code(text: string): string {
  return `<code>${plain(text)}</code>`;
}

/** Name of a resource, without what is the same in every urn: `raw` of `urn:pulumi:…::gcp:…::raw`. */
export function nameOf(urn: string): string {
  return urn.split('::').slice(3).join('::') || urn;
}

/**
 * Joins blocks up to a length; what does not fit is left out from the end, and a last line says how much.
 * The first block is always kept.
 */
export function fitted(blocks: readonly string[], limit: number, leftOut: (count: number) => string): string {
  const reserve = leftOut(blocks.length).length + 2;
  let body = blocks[0] ?? '';
  for (const [index, block] of blocks.entries()) {
    if (index === 0) continue;
    const isLast = index === blocks.length - 1;
    if (body.length + 2 + block.length + (isLast ? 0 : reserve) > limit)
      return `${body}\n\n${leftOut(blocks.length - index)}`;
    body += `\n\n${block}`;
  }
  return body;
}
