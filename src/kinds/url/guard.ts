/**
 * Which addresses a test may connect to. Asked for every address that a name resolves to, right before the connection
 * to that very address: a name that changes its mind between question and connection (DNS rebinding) changes nothing.
 *
 * What is not known to be public is refused: loopback, link-local (metadata services of clouds stand there), private,
 * shared, multicast, reserved. An IPv6 address that carries an IPv4 one is judged by that one.
 */
import ipaddr from 'ipaddr.js';
import { roles, type Role } from '../../contract/actor.ts';

/** A range that tests may reach besides public addresses. */
export interface AllowedRange {
  readonly cidr: string;
  /** The least role of who submits; null: everybody. */
  readonly least: Role | null;
}

export interface GuardDecision {
  isAllowed: boolean;
  /** In words, for the output of the job. */
  reason: string;
}

/** Says whether somebody with this role (null: nobody is known) may reach an address. */
export type Guard = (address: string, role: Role | null) => GuardDecision;

const mostRemembered = 1_000;

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Routable, and yet a machine's own business: Azure's host agent answers there. */
const hostAgents = new Set(['168.63.129.16']);

/** @throws Error for a range that is none; the configuration checks them before */
export function createGuard(allowed: readonly AllowedRange[]): Guard {
  const ranges = allowed.map(({ cidr, least }) => ({ cidr, least, parsed: parseRange(cidr) }));
  const decide: Guard = (text, role) => {
    if (!ipaddr.isValid(text)) return { isAllowed: false, reason: 'no address' };
    const address = unwrap(ipaddr.parse(text));
    const what = classify(address);
    if (what === 'public') return { isAllowed: true, reason: 'public' };
    const range = ranges.find(({ parsed, least }) => isWithin(address, parsed) && mayUse(role, least));
    return range
      ? { isAllowed: true, reason: `${what}, allowed by ${range.cidr}` }
      : { isAllowed: false, reason: what };
  };
  return remember(decide);
}

/** The decision depends on nothing but address and role, and a list has few addresses. */
function remember(decide: Guard): Guard {
  const decided = new Map<string, GuardDecision>();
  return (address, role) => {
    const question = `${role} ${address}`;
    const known = decided.get(question);
    if (known) return known;
    if (decided.size >= mostRemembered) decided.clear();
    const decision = decide(address, role);
    decided.set(question, decision);
    return decision;
  };
}

function parseRange(cidr: string): [Address, number] {
  const [address, bits] = ipaddr.parseCIDR(
    cidr.includes('/') ? cidr : `${cidr}/${cidr.includes(':') ? 128 : 32}`,
  );
  // `::ffff:10.0.0.0/104` means the IPv4 range; addresses are compared without that wrapping.
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96)
    return [address.toIPv4Address(), bits - 96];
  return [address, bits];
}

function isWithin(address: Address, [network, bits]: [Address, number]): boolean {
  if (address instanceof ipaddr.IPv4) return network instanceof ipaddr.IPv4 && address.match(network, bits);
  return network instanceof ipaddr.IPv6 && address.match(network, bits);
}

function mayUse(role: Role | null, least: Role | null): boolean {
  return least === null || (role !== null && roles.indexOf(role) >= roles.indexOf(least));
}

/** The IPv4 address inside an IPv6 one: mapped, translated by NAT64, or tunnelled by 6to4. */
function unwrap(address: Address): Address {
  if (address instanceof ipaddr.IPv4) return address;
  const bytes = address.toByteArray();
  switch (address.range()) {
    case 'ipv4Mapped':
      return address.toIPv4Address();
    case 'rfc6052':
      return new ipaddr.IPv4(bytes.slice(12));
    case '6to4':
      return new ipaddr.IPv4(bytes.slice(2, 6));
    default:
      return address;
  }
}

const words: Readonly<Record<string, string>> = {
  linkLocal: 'link-local',
  carrierGradeNat: 'shared (carrier-grade NAT)',
  uniqueLocal: 'private (unique local)',
  unspecified: 'unspecified',
};

function classify(address: Address): string {
  if (hostAgents.has(address.toString())) return "a cloud's host agent";
  const range = address.range();
  if (range !== 'unicast') return words[range] ?? range;
  // Of IPv6 only 2000::/3 is handed out to the public.
  const isPublic = address instanceof ipaddr.IPv4 || ((address.toByteArray()[0] ?? 0) & 0xe0) === 0x20;
  return isPublic ? 'public' : 'reserved';
}
