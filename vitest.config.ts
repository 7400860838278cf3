import { defineConfig } from 'vitest/config';

const shared = {
  environment: 'node' as const,
  setupFiles: ['test/setup.ts'],
  // Half of the time of many small files would go into loading the same modules again.
  isolate: false,
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['src/**/*.test.ts', 'web/src/**/*.test.ts'],
          testTimeout: 10_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'integration',
          include: ['test/**/*.test.ts'],
          globalSetup: ['test/global-setup.ts'],
          // Real processes, signals and sockets on a machine that is busy otherwise: a test may be tried once more in CI.
          // Vitest still names those that needed it.
          retry: process.env['CI'] ? 1 : 0,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
    globalSetup: ['test/run-folder.ts'],
    // On two cores: tests mostly wait, for processes, leases and pages.
    maxWorkers: 4,
  },
});
