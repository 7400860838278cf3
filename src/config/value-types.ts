import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';
import { bareHost } from '../lib/host.ts';
import { parseSize } from '../lib/size.ts';
import { roles, type Role } from '../contract/actor.ts';
import type { Machine } from './machine.ts';

/** How the text of a setting becomes its value. Every source (environment, file, default) passes through here. */
export interface ValueType<T> {
  /** What is accepted, as it stands after "expected" in a message and in the documentation. */
  expected: string;
  schema: z.ZodType<T, string>;
  /** For values whose meaning depends on the machine; the result is also what people see. */
  settle?(value: T, machine: Machine): T;
}

/** `false` trusts nobody; a number trusts that many proxies in front; addresses trust exactly those. */
export type TrustProxy = false | number | readonly string[];

export type Port = number | 'off';

/** Marks text that a `convert` function does not accept. */
export const rejected = Symbol('rejected');

export function valueType<T>(
  expected: string,
  convert: (text: string) => T | typeof rejected,
  extras: Pick<ValueType<T>, 'settle'> = {},
): ValueType<T> {
  const schema = z.string().transform((text, context) => {
    const value = convert(text.trim());
    if (value !== rejected) return value;
    context.addIssue({ code: 'custom', message: `expected ${expected}` });
    return z.NEVER;
  });
  return { expected, schema, ...extras };
}

export function text(expected: string, pattern: RegExp): ValueType<string> {
  return valueType(expected, (value) => (pattern.test(value) ? value : rejected));
}

/** An IPv6 address may stand in brackets, as in a URL. */
export function host(expected: string, pattern: RegExp): ValueType<string> {
  return valueType(expected, (value) => (pattern.test(bareHost(value)) ? bareHost(value) : rejected));
}

/** Kept to the letter: a password may begin or end with a blank. */
export const secretText: ValueType<string> = { expected: 'any text', schema: z.string() };

/** 32 bytes, as `openssl rand -base64 32` or `-hex 32` prints them; in base64. */
export const key256: ValueType<string> = valueType('32 bytes in base64 or hexadecimal', (value) => {
  if (/^[0-9a-f]{64}$/i.test(value)) return Buffer.from(value, 'hex').toString('base64');
  const bytes = /^[A-Za-z0-9+/]{43}=?$/.test(value) ? Buffer.from(value, 'base64') : null;
  return bytes?.length === 32 ? bytes.toString('base64') : rejected;
});

/** Made absolute, so that a later change of directory changes nothing. */
export const path: ValueType<string> = valueType(
  'a path',
  (value) => (value === '' || value.includes('\0') ? rejected : value),
  { settle: (value, machine) => resolve(machine.directory, value) },
);

export function integer(min: number, max: number, expected = `a whole number from ${min} to ${max}`) {
  return valueType<number>(expected, (value) =>
    /^\d{1,15}$/.test(value) ? inRange(Number(value), min, max) : rejected,
  );
}

export function seconds(min: number, max = 31_536_000): ValueType<number> {
  return valueType(`seconds, ${min} or more`, (value) =>
    /^\d{1,9}(\.\d{1,3})?$/.test(value) ? inRange(Number(value), min, max) : rejected,
  );
}

/** Seconds as people write them; milliseconds as the program counts them. */
export function milliseconds(minSeconds: number): ValueType<number> {
  const { expected, schema } = seconds(minSeconds);
  return { expected, schema: schema.transform((value) => Math.round(value * 1000)) };
}

export function size(minBytes: number): ValueType<number> {
  const least = minBytes > 0 ? ', 1KiB or more' : ', `0` for none';
  return valueType(`a size such as \`512MiB\` or \`2GiB\`${least}`, (value) => {
    const bytes = parseSize(value);
    return bytes === null ? rejected : inRange(bytes, minBytes, Number.MAX_SAFE_INTEGER);
  });
}

function inRange(value: number, min: number, max: number): number | typeof rejected {
  return value >= min && value <= max ? value : rejected;
}

const truths: Readonly<Record<string, boolean>> = {
  '1': true,
  true: true,
  yes: true,
  on: true,
  '0': false,
  false: false,
  no: false,
  off: false,
};

export const flag: ValueType<boolean> = valueType(
  '`1` or `0`',
  (value) => truths[value.toLowerCase()] ?? rejected,
);

export const port: ValueType<Port> = valueType('a port from 0 (any free one) to 65535, or `off`', (value) => {
  if (value === 'off') return 'off';
  return /^\d{1,5}$/.test(value) ? inRange(Number(value), 0, 65_535) : rejected;
});

/** Both ends among them. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export const portRange: ValueType<PortRange> = valueType(
  'a range of ports such as `50000-50999`, from 1024 to 65535',
  (value) => {
    const [, first, last] = /^(\d{4,5})-(\d{4,5})$/.exec(value)?.map(Number) ?? [];
    if (first === undefined || last === undefined || first > last) return rejected;
    return first >= 1024 && last <= 65_535 ? Object.freeze({ first, last }) : rejected;
  },
);

/** Numbers of accounts, both ends among them. */
export interface IdRange {
  readonly first: number;
  readonly last: number;
}

/** Tools and file systems take higher ones for negative. */
const highestId = 2 ** 31 - 1;

export const idRange: ValueType<IdRange | 'off'> = valueType(
  `a range of account numbers such as \`1900000000-1999999999\`, from 1 to ${highestId}, or \`off\``,
  (value) => {
    if (value === 'off') return value;
    const [, first, last] = /^(\d{1,10})-(\d{1,10})$/.exec(value)?.map(Number) ?? [];
    if (first === undefined || last === undefined || first > last) return rejected;
    return first >= 1 && last <= highestId ? Object.freeze({ first, last }) : rejected;
  },
);

export function list(expected: string, itemPattern: RegExp): ValueType<readonly string[]> {
  return valueType(`a comma-separated list of ${expected}`, (value) => {
    const items = splitList(value);
    return items.every((item) => itemPattern.test(item)) ? Object.freeze([...new Set(items)]) : rejected;
  });
}

export const trustProxy: ValueType<TrustProxy> = valueType(
  '`off`, a number of proxies (1 to 16), or a comma-separated list of addresses and CIDR ranges',
  (value) => {
    if (value === 'off' || value === '0') return false;
    if (/^\d+$/.test(value)) return inRange(Number(value), 1, 16);
    const ranges = splitList(value);
    return ranges.length > 0 && ranges.every(isAddressRange) ? Object.freeze(ranges) : rejected;
  },
);

export const addressRanges: ValueType<readonly string[]> = valueType(
  'a comma-separated list of addresses and CIDR ranges',
  (value) => {
    const ranges = splitList(value);
    return ranges.every(isAddressRange) ? Object.freeze(ranges) : rejected;
  },
);

export function splitList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** An IP address, alone or with the bits of a range. */
export function isAddressRange(value: string): boolean {
  const [address = '', bits, ...rest] = value.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

export const timezone: ValueType<string> = valueType('an IANA time zone such as `Europe/Madrid`', (value) => {
  // Intl also takes offsets (`+02:00`), which PostgreSQL reads with the opposite sign.
  if (!/^[A-Za-z]/.test(value)) return rejected;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone;
  } catch {
    return rejected;
  }
});

/** `group=role`, several by commas. */
export const groupRoles: ValueType<readonly (readonly [string, Role])[]> = valueType(
  `a comma-separated list of group=role; roles are ${roles.join(', ')}`,
  (value) => {
    const pairs = splitList(value).map((item) => {
      const cut = item.lastIndexOf('=');
      const role = roles.find((known) => known === item.slice(cut + 1).trim());
      const group = item.slice(0, Math.max(0, cut)).trim();
      return role && group !== '' ? ([group, role] as const) : undefined;
    });
    return pairs.every((pair) => pair !== undefined) ? Object.freeze(pairs) : rejected;
  },
);

export const roleOrNone: ValueType<Role | 'none'> = valueType(
  `one of ${roles.map((role) => `\`${role}\``).join(', ')}, or \`none\``,
  (value) => (value === 'none' ? value : (roles.find((role) => role === value) ?? rejected)),
);

export const issuerUrl: ValueType<string> = valueType(
  'an http or https address without query or fragment',
  (value) => {
    const url = parseUrl(value, ['http:', 'https:']);
    return url && !url.search && !url.hash && !url.username ? value : rejected;
  },
);

export const publicUrl: ValueType<string> = valueType(
  'an http or https address without path, user, query or fragment: the pages need a name or a port of their own',
  (value) => {
    const url = parseUrl(value, ['http:', 'https:']);
    if (!url || url.username || url.password || url.search || url.hash) return rejected;
    return url.pathname === '/' ? url.origin : rejected;
  },
);

export const databaseUrl: ValueType<string> = valueType(
  'an address such as `postgres://user:password@host:5432/name`',
  (value) => {
    return parseUrl(value, ['postgres:', 'postgresql:']) ? value : rejected;
  },
);

function parseUrl(value: string, protocols: readonly string[]): URL | undefined {
  const url = URL.parse(value);
  return url && protocols.includes(url.protocol) ? url : undefined;
}

export const smtpUrl: ValueType<string> = valueType(
  'an address such as `smtp://user:password@mail.example.org:587` or `smtps://…`',
  (value) => {
    const url = parseUrl(value, ['smtp:', 'smtps:']);
    return url && url.hostname !== '' ? value : rejected;
  },
);

export const mqttUrl: ValueType<string> = valueType(
  'an address such as `mqtt://user:password@broker:1883` or `mqtts://…`',
  (value) => {
    const url = parseUrl(value, ['mqtt:', 'mqtts:', 'ws:', 'wss:']);
    return url && url.hostname !== '' ? value : rejected;
  },
);

export function oneOf<T extends string>(names: readonly T[]): ValueType<T> {
  return valueType(
    `one of ${names.map((name) => `\`${name}\``).join(', ')}`,
    (value) => names.find((name) => name === value) ?? rejected,
  );
}
