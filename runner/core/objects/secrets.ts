/** What a store says, fit to be shown: addresses may let in whoever has them. */

const LONGEST = 240;
const SECRET_FIELDS =
  /\b(sig|signature|x-amz-(?:signature|security-token|credential)|googleaccessid|upload_id|token|access_token|client_assertion|sharedaccesskey|accountkey|key|password)(["']?\s*[=:]\s*["']?)[^\s&"',;<>]+/gi;

/**
 * One line without paths and queries of addresses, without signatures, tokens and keys.
 *
 * @example withoutSecrets('GET https://a.example/c?sig=x failed') // 'GET https://a.example/… failed'
 */
export function withoutSecrets(message: string): string {
  const line = message.trim().split(/\r?\n/)[0] ?? '';
  return line
    .replace(/(https?:\/\/[^\s/?"'<>]+)[^\s"'<>]*/g, '$1/…')
    .replace(SECRET_FIELDS, '$1$2…')
    .replace(/\bBearer\s+\S+/gi, 'Bearer …')
    .replace(/\beyJ[\w-]+\.[\w.-]+/g, '…')
    .slice(0, LONGEST);
}
