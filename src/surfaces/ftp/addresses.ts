import { BlockList, isIP, isIPv4 } from 'node:net';
import { Refusal } from './replies.ts';

export interface Endpoint {
  address: string;
  port: number;
}

/** An IPv4 address that came in on a socket for both versions stands in IPv6; a zone belongs to this machine. */
export function plainAddress(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  return mapped ?? address.replace(/%.*$/, '');
}

/** `h1,h2,h3,h4,p1,p2` (RFC 959, section 5.3.2). @throws Refusal */
export function parsePort(argument: string): Endpoint {
  const numbers = argument.split(',').map((part) => (/^ *\d{1,3} *$/.test(part) ? Number(part) : 256));
  const [a, b, c, d, high = 0, low = 0] = numbers;
  if (numbers.length !== 6 || numbers.some((number) => number > 255))
    throw new Refusal(501, 'Invalid PORT format.');
  return { address: `${a}.${b}.${c}.${d}`, port: high * 256 + low };
}

/** `|1|132.235.1.2|6275|`, any sign as the delimiter (RFC 2428, section 2). @throws Refusal 501, 522 */
export function parseExtendedPort(argument: string, version: 4 | 6): Endpoint {
  const delimiter = argument.charAt(0);
  const parts = argument.split(delimiter);
  const [before, protocol = '', address = '', port = '', after] = parts;
  const isFormed = delimiter > ' ' && parts.length === 5 && before === '' && after === '';
  if (!isFormed || !/^\d{1,9}$/.test(protocol)) throw new Refusal(501, 'Invalid EPRT format.');
  requireProtocol(protocol, version);
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 65_536;
  if (isIP(address) !== version || number > 65_535) throw new Refusal(501, 'Invalid EPRT format.');
  return { address, port: number };
}

/** Of EPRT and EPSV: 1 is IPv4, 2 is IPv6. @throws Refusal 522 with the one that works */
export function requireProtocol(protocol: string, version: 4 | 6): void {
  const ours = version === 4 ? '1' : '2';
  if (protocol !== ours) throw new Refusal(522, `Network protocol not supported, use (${ours}).`);
}

/** As PASV answers it. */
export function formatPassive({ address, port }: Endpoint): string {
  return `(${address.replaceAll('.', ',')},${port >> 8},${port & 255})`;
}

export function versionOf(address: string): 4 | 6 {
  return isIPv4(address) ? 4 : 6;
}

export type IsAllowedPeer = (peer: string, control: string) => boolean;

/**
 * Whose data connections are taken: those of the address that the control connection comes from. Others could fetch what
 * somebody else asked for, or be sent it (RFC 2577, sections 3 and 7). Behind some NATs they come from further addresses.
 * @param ranges addresses, or with a slash and a number of bits
 */
export function createPeerCheck(ranges: readonly string[]): IsAllowedPeer {
  const others = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (bits === undefined) others.addAddress(address, family);
    else others.addSubnet(address, Number(bits), family);
  }
  return (peer, control) => peer === control || others.check(peer, isIPv4(peer) ? 'ipv4' : 'ipv6');
}

const firstOpenPort = 1024;

/** @throws Refusal for an address or port that no data is sent to (RFC 2577, section 3) */
export function requirePeer({ address, port }: Endpoint, control: string, isAllowed: IsAllowedPeer): void {
  if (!isAllowed(plainAddress(address), control))
    throw new Refusal(501, `Rejected data connection to foreign address ${address}: you are ${control}.`);
  if (port < firstOpenPort) throw new Refusal(501, `Rejected data connection to privileged port ${port}.`);
}
