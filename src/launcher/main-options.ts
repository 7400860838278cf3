import type { OutputBudget } from './output-store.ts';

/** Third argument of main.ts, as JSON. Everything has a default. */
export interface LauncherOptions extends Partial<OutputBudget> {
  spawner?: 'posix_spawn' | 'child_process';
  /** Its programs run as several accounts. By default as one. */
  separatesOwners?: boolean;
}
