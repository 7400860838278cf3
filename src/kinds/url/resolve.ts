import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

export type Family = 4 | 6;

export interface ResolvedAddress {
  address: string;
  family: Family;
}

/** Every address of a host, best first. @throws Error as `getaddrinfo` gives it (`getaddrinfo ENOTFOUND host`) */
export type Resolver = (host: string, family: Family | null) => Promise<ResolvedAddress[]>;

/** The system's resolver holds one of four threads that files and zlib need as well; a dead DNS server must not take all. */
const mostLookups = 2;

let free = mostLookups;
const waiting: (() => void)[] = [];

/** Asks as every program on this machine does, `/etc/hosts` included. */
export const systemResolver: Resolver = async (host, family) => {
  await takePlace();
  try {
    const found = await lookup(host, { all: true, order: 'verbatim', family: family ?? 0 });
    return found.map(({ address, family: of }) => ({ address, family: of === 6 ? 6 : 4 }));
  } finally {
    givePlace();
  }
};

async function takePlace(): Promise<void> {
  if (free > 0) free -= 1;
  else await new Promise<void>((resolve) => waiting.push(resolve));
}

function givePlace(): void {
  const next = waiting.shift();
  if (next) next();
  else free += 1;
}

/** An address in a URL needs no question; of the wrong family it is as good as none. */
export function literalAddress(hostname: string): ResolvedAddress | null {
  const address = hostname.replace(/^\[|\]$/g, '');
  const version = isIP(address);
  return version === 0 ? null : { address, family: version === 6 ? 6 : 4 };
}
