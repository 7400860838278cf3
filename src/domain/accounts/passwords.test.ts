import { describe, expect, it } from 'vitest';
import { createPasswordHasher } from './passwords.ts';
import { createReadablePassword } from './secrets.ts';

const hasher = createPasswordHasher({ N: 16, r: 1, p: 1 });

describe('password hashes', () => {
  it('differ for equal passwords, and carry their parameters', async () => {
    const first = await hasher.hash('correct horse');
    expect(first).toMatch(/^scrypt\$16\$1\$1\$[\w-]+\$[\w-]+$/);
    expect(await hasher.hash('correct horse')).not.toBe(first);
    const stronger = createPasswordHasher({ N: 32, r: 1, p: 1 });
    expect(await stronger.verify('correct horse', first)).toBe(true);
  });

  it('fit the password and no other, however its umlauts were typed', async () => {
    const hash = await hasher.hash('schl\u00fcssel');
    expect(await hasher.verify('schlu\u0308ssel', hash)).toBe(true);
    expect(await hasher.verify('schluessel', hash)).toBe(false);
  });

  it.each([null, '', 'scrypt$16$1$1$c2FsdA$', 'bcrypt$x'])(
    'never fit when there is none (%s)',
    async (hash) => {
      expect(await hasher.verify('anything', hash)).toBe(false);
    },
  );

  it('do the same work for an unknown user as for a wrong password', async () => {
    const real = createPasswordHasher({ N: 2 ** 14, r: 8, p: 1 });
    const hash = await real.hash('correct horse');
    const cpuOf = async (stored: string | null): Promise<number> => {
      const before = process.cpuUsage();
      for (let round = 0; round < 5; round += 1) await real.verify('wrong', stored);
      return process.cpuUsage(before).user;
    };
    await cpuOf(hash);
    const ratio = (await cpuOf(null)) / (await cpuOf(hash));
    expect(ratio).toBeGreaterThan(0.4);
    expect(ratio).toBeLessThan(2.5);
  });

  it('leave threads to others: many at once all finish', async () => {
    const hashes = await Promise.all(Array.from({ length: 20 }, () => hasher.hash('x')));
    expect(new Set(hashes).size).toBe(20);
  });
});

describe('createReadablePassword', () => {
  it('has four groups of letters and digits that cannot be mistaken', () => {
    expect(createReadablePassword()).toMatch(/^([a-hj-km-np-z2-9]{4}-){3}[a-hj-km-np-z2-9]{4}$/);
    expect(createReadablePassword()).not.toBe(createReadablePassword());
  });
});
