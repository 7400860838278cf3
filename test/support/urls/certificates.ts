import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  key: string;
  cert: string;
}

/** An authority of our own, and certificates it signs: for this host, valid for so many days from `from` on. */
export interface Authority {
  cert: string;
  sign(host: string, validity?: { from: Date; days: number }): Certificate;
  selfSigned(host: string): Certificate;
  /** The authority itself, as one that nobody knows signed it long ago, and as it has expired since. */
  crossSigned(): string;
  close(): void;
}

export function createAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'daybook-certificates-'));
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-subj',
    '/CN=Authority of a test',
    '-days',
    '10',
  );
  return {
    cert: read('ca.crt'),
    sign: (host, { from, days } = { from: new Date(Date.now() - 86_400_000), days: 30 }) => {
      const name = isIP(host) ? `IP:${host}` : `DNS:${host}`;
      const until = new Date(from.getTime() + days * 86_400_000);
      openssl('req', ...newKey, '-keyout', 'own.key', '-out', 'own.csr', '-subj', `/CN=${host}`);
      // Only `openssl ca` signs for a span in the past.
      writeFileSync(join(folder, 'index.txt'), '');
      writeFileSync(
        join(folder, 'serial'),
        `${Math.floor(Math.random() * 2 ** 32)
          .toString(16)
          .padStart(8, '0')}\n`,
      );
      writeFileSync(
        join(folder, 'ca.cnf'),
        `[ca]\ndefault_ca=one\n[one]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\nunique_subject=no\n[any]\ncommonName=supplied\n[names]\nsubjectAltName=${name}\n`,
      );
      const ca =
        'ca -batch -config ca.cnf -extensions names -cert ca.crt -keyfile ca.key -in own.csr -out own.crt';
      openssl(...ca.split(' '), '-notext', '-startdate', stamp(from), '-enddate', stamp(until));
      return { key: read('own.key'), cert: read('own.crt') };
    },
    selfSigned: (host) => {
      openssl(
        'req',
        '-x509',
        ...newKey,
        '-keyout',
        'self.key',
        '-out',
        'self.crt',
        '-subj',
        `/CN=${host}`,
        '-addext',
        `subjectAltName=DNS:${host}`,
      );
      return { key: read('self.key'), cert: read('self.crt') };
    },
    crossSigned: () => {
      openssl(
        'req',
        '-x509',
        ...newKey,
        '-keyout',
        'old.key',
        '-out',
        'old.crt',
        '-subj',
        '/CN=Old',
        '-days',
        '9',
      );
      openssl('req', '-new', '-key', 'ca.key', '-out', 'cross.csr', '-subj', '/CN=Authority of a test');
      writeFileSync(join(folder, 'index.txt'), '');
      writeFileSync(join(folder, 'serial'), '77\n');
      writeFileSync(
        join(folder, 'ca.cnf'),
        '[ca]\ndefault_ca=one\n[one]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\nunique_subject=no\n[any]\ncommonName=supplied\n[names]\nbasicConstraints=critical,CA:TRUE\n',
      );
      const ca =
        'ca -batch -config ca.cnf -extensions names -cert old.crt -keyfile old.key -in cross.csr -out cross.crt';
      const [from, until] = [new Date('2020-01-01'), new Date('2021-12-01')];
      openssl(...ca.split(' '), '-notext', '-startdate', stamp(from), '-enddate', stamp(until));
      return read('cross.crt');
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** `20260301120000Z` */
function stamp(at: Date): string {
  return `${at.toISOString().slice(0, 19).replaceAll(/[-T:]/g, '')}Z`;
}
