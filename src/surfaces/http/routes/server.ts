import { serverFacts, type ServerFacts } from '../../../contract/server.ts';
import type { App } from '../access.ts';

interface ServerDependencies {
  serverFacts(): Promise<ServerFacts>;
}

export function registerServerRoutes(app: App, { serverFacts: read }: ServerDependencies): void {
  app.get('/api/v1/server', {
    config: { access: 'server.read' },
    schema: {
      operationId: 'readServer',
      tags: ['health'],
      summary: 'Version, database, disks, launcher and settings of the server that answers',
      description: '`daybook doctor` looks at more, and says what to do.',
      response: { 200: serverFacts },
    },
    handler: () => read(),
  });
}
