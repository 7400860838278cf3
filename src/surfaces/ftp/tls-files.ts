import { stat, readFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Logger } from '../../lib/logger.ts';
import type { TlsContexts } from './ports.ts';

export interface TlsFilesOptions {
  /** In PEM: the certificate, and those between it and a known one. */
  certificateFile: string;
  keyFile: string;
  /** Uploads by TLS 1.3, too. */
  allowsUploadTls13: boolean;
  logger: Logger;
}

/** Two looks at the files are so far apart at least. */
const lookMs = 1_000;

/**
 * Certificate and key, read again when the files change: whoever renews certificates need not restart anything. While
 * they are half-written or do not fit each other, the ones before stay.
 *
 * Uploads come by TLS 1.2 at most. With 1.3 a server sends session tickets after the handshake; a client that only sends
 * never reads them, closes rightly, and its kernel answers the unread bytes with a reset, which takes what it sent with it
 * (RFC 9293, section 3.6.1). Tried: 20 of 20 uploads of 2 MB came cut. Node cannot be told to send none.
 */
export class TlsFiles {
  readonly #options: TlsFilesOptions;
  readonly #ticketKeys = randomBytes(48);
  #version = '';
  #contexts: TlsContexts | null = null;
  #lookedAt = -Infinity;
  #looking: Promise<void> | null = null;

  constructor(options: TlsFilesOptions) {
    this.#options = options;
  }

  /** @throws when the files never were right */
  async contexts(): Promise<TlsContexts> {
    if (performance.now() - this.#lookedAt >= lookMs) {
      this.#looking ??= this.#look().finally(() => (this.#looking = null));
      await this.#looking;
    }
    if (!this.#contexts) throw new Error('There is no certificate.');
    return this.#contexts;
  }

  async #look(): Promise<void> {
    const { certificateFile, keyFile, logger } = this.#options;
    try {
      const version = (await Promise.all([certificateFile, keyFile].map(versionOf))).join();
      if (version !== this.#version) {
        const [cert, key] = await Promise.all([readFile(certificateFile), readFile(keyFile)]);
        this.#contexts = this.#create({ cert, key });
        if (this.#version !== '') logger.info({ certificateFile }, 'The certificate was read again.');
        this.#version = version;
      }
    } catch (error) {
      if (!this.#contexts) throw error;
      logger.warn(
        { err: error, certificateFile, keyFile },
        'The new certificate cannot be used; the one before stays.',
      );
    }
    this.#lookedAt = performance.now();
  }

  #create(files: { cert: Buffer; key: Buffer }): TlsContexts {
    const { allowsUploadTls13 } = this.#options;
    const create = (maxVersion: 'TLSv1.2' | 'TLSv1.3'): SecureContext =>
      // The same keys, so that a data connection may go on with the session of the control connection.
      createSecureContext({ ...files, maxVersion, ticketKeys: this.#ticketKeys });
    return { usual: create('TLSv1.3'), uploads: create(allowsUploadTls13 ? 'TLSv1.3' : 'TLSv1.2') };
  }
}

async function versionOf(file: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}
