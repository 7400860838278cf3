/** Stands where a secret is. */
export const hidden = '••••••';

/** The address without what its password is. */
export function hidePassword(address: string): string {
  const url = URL.parse(address);
  if (!url?.password) return address;
  url.password = 'hidden';
  return url.href.replace(':hidden@', `:${hidden}@`);
}

/**
 * Puts back what was hidden in an address that somebody read and sends again.
 * @param known the address with its password
 * @returns null when that belongs to another place or user: whoever changes the address must not get it sent there
 */
export function restorePassword(address: string, known: string | null): string | null {
  const url = URL.parse(address);
  if (!url || url.password !== encodeURIComponent(hidden)) return address;
  const from = known === null ? null : URL.parse(known);
  if (!from?.password || from.origin !== url.origin || from.username !== url.username) return null;
  url.password = from.password;
  return url.href;
}
