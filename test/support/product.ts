import { randomBytes } from 'node:crypto';
import { Registry } from 'prom-client';
import type { Database } from '../../src/adapters/store/database.ts';
import { createProduct, type Product, type Surroundings } from '../../src/app/product.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Accounts } from '../../src/domain/accounts/ports.ts';
import { createMetrics } from '../../src/domain/metrics/metrics.ts';
import { createSecretKey } from '../../src/domain/secrets/key.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/logger.ts';

/** Nobody rings, and nobody hears it. */
export const silentRings: Surroundings['rings'] = {
  ring: () => {},
  callWorkers: () => {},
  announce: () => {},
  listen: () => () => {},
  listenForCalls: () => () => {},
  listenForNews: () => () => {},
};

/** Once for all: each set of default metrics watches the whole process. */
const metrics = createMetrics(new Registry());

const nobody = (): Promise<never> => Promise.reject(new Error('Nothing is stored here.'));

/** For routes that are described, or refused before anything is asked. */
export const noDatabase: Database = {
  connection: {},
  copyOut: nobody,
  query: nobody,
  transaction: nobody,
  ping: nobody,
  connections: () => ({ used: 0, idle: 0, waiting: 0 }),
  close: async () => {},
};

export interface TestProductOptions extends Partial<Surroundings> {
  /** Settings. */
  env?: Record<string, string>;
  accounts?: Accounts;
}

/** The product on a database of the test. What it sends counts as delivered; there are no files. */
export function createTestProduct(db: Database, options: TestProductOptions = {}): Product {
  const { env, accounts, ...replaced } = options;
  const settings = {
    DAYBOOK_DATA: '/nowhere',
    DAYBOOK_TIMEZONE: 'UTC',
    DAYBOOK_PUBLIC_URL: 'http://localhost',
  };
  const product = createProduct({
    config: loadConfig({ ...settings, ...env }),
    db,
    rings: silentRings,
    senders: { email: { send: async () => 'taken' }, webhook: { send: async () => 'taken' }, mqtt: null },
    identityProvider: null,
    secretKey: createSecretKey(randomBytes(32), '/nowhere'),
    clock: systemClock,
    logger: silentLogger,
    registry: new Registry(),
    metrics,
    runsJobs: false,
    obstacle: () => null,
    readiness: [{ name: 'database', check: () => db.ping() }],
    ...replaced,
  });
  return accounts ? { ...product, domains: { ...product.domains, accounts } } : product;
}
