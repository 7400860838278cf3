import type { App } from './access.ts';
import { registerAccountRoutes, type AccountDependencies } from './routes/accounts.ts';
import { registerHealthRoutes, type HealthDependencies } from './routes/health.ts';

/** Everything that route files need. Each adds its own part. */
export interface RouteDependencies extends HealthDependencies, AccountDependencies {}

/** The list of route files: a new one is one line here, and the tests of access and documentation cover it. */
export function registerRoutes(app: App, dependencies: RouteDependencies): void {
  registerHealthRoutes(app, dependencies);
  registerAccountRoutes(app, dependencies);
}
