/** A host as connecting takes it: URLs have brackets around an IPv6 address (RFC 3986, section 3.2.2). */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** Where a server that listens there is found from this machine, as a URL. */
export function httpAddress(host: string, port: number | string): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
