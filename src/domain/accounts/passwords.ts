import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';

export interface PasswordCost {
  /** Power of two; memory is 128 × N × r bytes. */
  N: number;
  r: number;
  p: number;
}

/** One of the equal settings that OWASP's password storage sheet names for scrypt: 32 MiB, about 0.2 s of one core. */
export const defaultCost: PasswordCost = { N: 2 ** 15, r: 8, p: 3 };

const keyBytes = 32;

export interface PasswordHasher {
  /** `scrypt$N$r$p$salt$key`: parameters travel along, so that a later version may raise them. */
  hash(password: string): Promise<string>;
  /** False also for a null hash, after the same work, so that time does not tell which users exist. */
  verify(password: string, hash: string | null): Promise<boolean>;
}

/** scrypt runs on libuv's threads, of which files and DNS need some, too; so at most two at a time, others wait. */
export function createPasswordHasher(cost: PasswordCost = defaultCost): PasswordHasher {
  const inTurn = createTurns(2);
  const decoy = { ...cost, salt: randomBytes(16), key: randomBytes(keyBytes) };
  return {
    hash: async (password) => {
      const salt = randomBytes(16);
      const key = await inTurn(() => derive(password, salt, cost));
      return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), key.toString('base64url')].join(
        '$',
      );
    },
    verify: async (password, hash) => {
      const known = hash === null ? null : parseHash(hash);
      const { salt, key, N, r, p } = known ?? decoy;
      const derived = await inTurn(() => derive(password, salt, { N, r, p }));
      return timingSafeEqual(derived, key) && known !== null;
    },
  };
}

function parseHash(hash: string): (PasswordCost & { salt: Buffer; key: Buffer }) | null {
  const [algorithm, N, r, p, salt = '', key = ''] = hash.split('$');
  const keyBuffer = Buffer.from(key, 'base64url');
  if (algorithm !== 'scrypt' || keyBuffer.length !== keyBytes) return null;
  return { N: Number(N), r: Number(r), p: Number(p), salt: Buffer.from(salt, 'base64url'), key: keyBuffer };
}

function derive(password: string, salt: Buffer, { N, r, p }: PasswordCost): Promise<Buffer> {
  // Typed on a Mac or on a phone, the same umlaut may arrive as one code point or as two.
  const text = password.normalize('NFKC');
  const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(text, salt, keyBytes, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function createTurns(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
