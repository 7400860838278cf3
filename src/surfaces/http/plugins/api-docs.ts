import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { createJsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { errorCodes } from '../../../contract/errors.ts';
import type { App } from '../access.ts';

const docsPrefix = '/api/docs';

/** Collects the schemas of the routes that follow. Comes before them. */
export async function addApiDescription(app: App, options: { version: string }): Promise<void> {
  const toJsonSchema = createJsonSchemaTransform({ skipList: [] });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Daybook',
        version: options.version,
        description: 'A self-hosted job server with a memory. Errors are `{code, message, details}`.',
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'An API token: `dbk_…`.' },
          password: { type: 'http', scheme: 'basic', description: 'User and password, or user and token.' },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: 'daybook_session',
            description: 'Followed by `_` and the port where the address names one: `daybook_session_8000`.',
          },
        },
      },
      security: [{ token: [] }, { password: [] }, { session: [] }],
    },
    transform: (document) => {
      const transformed = toJsonSchema(document);
      const schema = transformed.schema as Record<string, unknown> | undefined;
      if (!document.url.startsWith('/api/v1/') || !schema) return transformed;
      return {
        ...transformed,
        schema: { ...schema, response: { ...(schema['response'] as object | undefined), default: problem } },
      };
    },
    transformObject: jsonSchemaTransformObject,
  });
}

/** `/api/v1/openapi.json` and, without anything from the network, the reference page `/api/docs`. */
export async function addApiDocs(app: App): Promise<void> {
  app.get('/api/v1/openapi.json', {
    config: { access: 'docs.read' },
    schema: { hide: true },
    handler: async (_request, reply) =>
      reply.type('application/json; charset=utf-8').send(JSON.stringify(app.swagger())),
  });
  await app.register(async (docs) => {
    docs.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'docs.read' };
    });
    await docs.register(swaggerUi, {
      routePrefix: docsPrefix,
      theme: {
        title: 'Daybook API',
        css: [{ filename: 'theme.css', content: '.swagger-ui .topbar { display: none }' }],
      },
      uiConfig: { url: '/api/v1/openapi.json', validatorUrl: null, deepLinking: true, tryItOutEnabled: true },
    });
  });
}

const problem = {
  description: 'An error.',
  type: 'object',
  required: ['code', 'message', 'details'],
  properties: {
    code: { type: 'string', enum: Object.keys(errorCodes) },
    message: { type: 'string', description: 'A sentence for people.' },
    details: {
      type: 'array',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: {
          field: { type: 'string', description: 'Path of the field: `retry.on.0`.' },
          message: { type: 'string', description: 'What was expected.' },
        },
      },
    },
  },
};
