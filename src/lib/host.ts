/** A host as connecting takes it: URLs have brackets around an IPv6 address (RFC 3986, section 3.2.2). */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** Where a server that listens there is found from this machine, as a URL. */
export function httpAddress(host: string, port: number | string): string {
  return addressOf('http', host, port);
}

/** @param isImplicitTls from the first byte */
export function ftpAddress(host: string, port: number, isImplicitTls: boolean): string {
  return addressOf(isImplicitTls ? 'ftps' : 'ftp', host, port);
}

function addressOf(scheme: string, host: string, port: number | string): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `${scheme}://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
