/** What comes from this machine, and is meant for it. Pure. */

/** The address of a peer, as Node gives it. */
export function isLoopback(address: string): boolean {
  const ipv4 = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  return ipv4 === '::1' || /^127(?:\.\d{1,3}){3}$/.test(ipv4);
}

/** A page of elsewhere can let its own name lead here (DNS rebinding); it cannot send one of these. */
export function isLocalHost(host: string | null): boolean {
  return host !== null && /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i.test(host);
}
