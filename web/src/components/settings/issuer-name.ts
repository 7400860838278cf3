/** What people call an identity provider: its host; the whole text where it is no address. */
export function issuerName(issuer: string): string {
  return URL.canParse(issuer) ? new URL(issuer).host : issuer;
}
