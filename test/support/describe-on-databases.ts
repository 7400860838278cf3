import { describe } from 'vitest';
import { createTestDatabase, databaseBackends, type DatabaseBackend, type TestDatabase } from './database.ts';
import { requireService } from './services.ts';

/**
 * Runs one conformance suite on every kind of PostgreSQL. A missing one is skipped with a message, unless
 * `CI_NO_SKIPS=1`.
 */
export function describeOnDatabases(
  title: string,
  suite: (create: () => Promise<TestDatabase>, backend: DatabaseBackend) => void,
): void {
  for (const backend of databaseBackends) {
    const { name, url, settings } = backend;
    const isAvailable = requireService(`PostgreSQL (${name})`, url !== undefined);
    describe.runIf(isAvailable)(`${title} on PostgreSQL (${name})`, () => {
      suite(() => createTestDatabase(url, settings), backend);
    });
  }
}
