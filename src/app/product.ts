import type { Registry } from 'prom-client';
import type { Config } from '../config/config.ts';
import type { IdentityProvider } from '../domain/accounts/ports.ts';
import type { Rings } from '../adapters/queue/ports.ts';
import type { Database } from '../adapters/store/database.ts';
import type { ReadinessCheck } from '../surfaces/http/routes/health.ts';
import type { Service } from '../lib/service.ts';
import { createDomains, type Domains, type DomainsOptions } from './domains.ts';
import { createFindThreads } from './find-threads.ts';
import { createStores, type Stores, type StoresOptions } from './stores.ts';

/** What the product stands on and speaks with. */
export interface Surroundings extends Omit<DomainsOptions, 'stores' | 'bell' | 'findThreads'>, StoresOptions {
  config: Config;
  db: Database;
  rings: Omit<Rings, keyof Service>;
  /** Null: there is none. */
  identityProvider: IdentityProvider | null;
  registry: Registry;
  /** What has to be there for requests to be served. */
  readiness: readonly ReadinessCheck[];
}

export interface Product extends Surroundings {
  stores: Stores;
  domains: Domains;
}

/**
 * The whole product without its roles: the same in a server, in tests, and where the API is only described. Nothing is
 * started or asked.
 */
export function createProduct(around: Surroundings): Product {
  const stores = createStores(around.db, around);
  return {
    ...around,
    stores,
    domains: createDomains(around.config, {
      ...around,
      stores,
      bell: around.rings,
      findThreads: createFindThreads(around.db.connection),
    }),
  };
}
