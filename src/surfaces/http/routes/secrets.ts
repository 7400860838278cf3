import { z } from 'zod';
import { secret, secretChange, secretName, type Secret } from '../../../contract/secret.ts';
import type { SecretRecord, Secrets } from '../../../domain/secrets/ports.ts';
import { principalOf, type App } from '../access.ts';
import type { Audit } from '../audit.ts';

interface SecretDependencies {
  secrets: Secrets;
  audit: Audit;
}

const tags = ['secrets'];
const params = z.object({ name: secretName });

export function registerSecretRoutes(app: App, { secrets, audit }: SecretDependencies): void {
  app.get('/api/v1/secrets', {
    config: { access: 'secrets.read' },
    schema: {
      operationId: 'listSecrets',
      tags,
      summary: 'Named secrets, without their values',
      response: { 200: z.object({ items: z.array(secret) }) },
    },
    handler: async () => ({ items: (await secrets.list()).map(toView) }),
  });

  app.get('/api/v1/secrets/:name', {
    config: { access: 'secrets.read' },
    schema: {
      operationId: 'getSecret',
      tags,
      summary: 'One secret, without its value',
      params,
      response: { 200: secret },
    },
    handler: async (request) => toView(await secrets.find(request.params.name)),
  });

  app.put('/api/v1/secrets/:name', {
    config: { access: 'secrets.change' },
    schema: {
      operationId: 'putSecret',
      tags,
      summary: 'Set a secret',
      description:
        'Jobs name it in `env` as `{"secret": "name"}`. The value is never shown again, and masked in what those jobs print.',
      params,
      body: secretChange,
      response: { 200: secret },
    },
    handler: async (request) => {
      const { name } = request.params;
      const { value, note = null, users = null } = request.body;
      const stored = await secrets.put(name, { value, note, users }, principalOf(request).actor);
      await audit(request, { action: 'secrets.put', target: name, details: { users } });
      return toView(stored);
    },
  });

  app.delete('/api/v1/secrets/:name', {
    config: { access: 'secrets.change' },
    schema: {
      operationId: 'deleteSecret',
      tags,
      summary: 'Remove a secret',
      description: 'Attempts that would start with it fail from now on; those that run are left alone.',
      params,
      response: { 204: z.undefined().describe('Removed.') },
    },
    handler: async (request, reply) => {
      await secrets.remove(request.params.name);
      await audit(request, { action: 'secrets.delete', target: request.params.name });
      return reply.code(204).send();
    },
  });
}

function toView({ createdAt, changedAt, ...rest }: SecretRecord): Secret {
  return { ...rest, createdAt: createdAt.toISOString(), changedAt: changedAt.toISOString() };
}
