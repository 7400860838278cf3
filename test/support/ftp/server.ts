import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer, type TestServer } from '../server.ts';
import { there } from '../there.ts';

export interface FtpPlace {
  server: TestServer;
  port: number;
  implicitTlsPort: number;
  /** On the disk; what FTP shows as `/`. */
  home: string;
  /** For what clients bring and fetch. */
  work: string;
  certificateFile: string;
  keyFile: string;
  close(): Promise<void>;
}

export const ftpUser = 'old-client';
export const ftpPassword = 'the password of an old client';

/** A server of its own with FTP in clear, by TLS, and by implicit TLS; FTP_USER comes in. */
export async function startFtp(env: Record<string, string> = {}): Promise<FtpPlace> {
  const work = mkdtempSync(join(tmpdir(), 'daybook-ftp-'));
  const [certificateFile, keyFile] = [join(work, 'cert.pem'), join(work, 'key.pem')];
  makeCertificate({ certificateFile, keyFile });
  const server = await startServer({
    DAYBOOK_FTP_PORT: '0',
    DAYBOOK_FTPS_PORT: '0',
    DAYBOOK_TLS_CERT: certificateFile,
    DAYBOOK_TLS_KEY: keyFile,
    DAYBOOK_FTP_SESSIONS_PER_ADDRESS: '300',
    FTP_USER: ftpUser,
    FTP_PASSWORD: ftpPassword,
    ...env,
  });
  return {
    server,
    port: there(server.ftp.port),
    implicitTlsPort: there(server.ftp.implicitTlsPort),
    home: join(server.folder, 'homedir'),
    work,
    certificateFile,
    keyFile,
    close: async () => {
      await server.close();
      rmSync(work, { recursive: true, force: true });
    },
  };
}

export function makeCertificate({
  certificateFile,
  keyFile,
  name = 'localhost',
}: {
  certificateFile: string;
  keyFile: string;
  name?: string;
}): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  const about = [
    '-subj',
    `/CN=${name}`,
    '-addext',
    'subjectAltName=DNS:localhost,IP:127.0.0.1',
    '-days',
    '2',
  ];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', certificateFile, ...about], { stdio: 'ignore' });
}
