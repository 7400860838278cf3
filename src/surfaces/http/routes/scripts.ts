import { z } from 'zod';
import { plainText } from '../../../contract/job.ts';
import { script, scriptVersion, type Script } from '../../../contract/script.ts';
import type { ScriptFacts, Scripts } from '../../../domain/scripts/ports.ts';
import { principalOf, type App } from '../access.ts';
import type { Audit } from '../audit.ts';

interface ScriptDependencies {
  scripts: Scripts;
  audit: Audit;
}

const tags = ['scripts'];
const nameParams = z.object({ name: z.string().min(1).max(255) });

/** Refused rather than stored as something else. */
const scriptText = plainText.max(900_000);

export function registerScriptRoutes(app: App, { scripts, audit }: ScriptDependencies): void {
  app.get('/api/v1/scripts', {
    config: { access: 'scripts.read' },
    schema: {
      operationId: 'listScripts',
      tags,
      summary: 'Files of the scripts directory',
      response: { 200: z.object({ items: z.array(script) }) },
    },
    handler: async () => ({ items: (await scripts.list()).map(toView) }),
  });

  app.get('/api/v1/scripts/:name', {
    config: { access: 'scripts.read' },
    schema: {
      operationId: 'getScript',
      tags,
      summary: 'One script with its text',
      params: nameParams,
      response: { 200: script.extend({ text: z.string(), sha256: z.string() }) },
    },
    handler: async (request) => {
      const found = await scripts.read(request.params.name);
      return { ...toView(found), text: found.text, sha256: found.sha256 };
    },
  });

  app.put('/api/v1/scripts/:name', {
    config: { access: 'scripts.change' },
    schema: {
      operationId: 'putScript',
      tags,
      summary: 'Write a script; the versions before stay in its history',
      params: nameParams,
      body: z.strictObject({ text: scriptText }),
      response: { 200: script },
    },
    handler: async (request) => {
      const { name } = request.params;
      const facts = await scripts.put(name, request.body.text, principalOf(request).actor);
      await audit(request, { action: 'scripts.put', target: name, details: { sizeBytes: facts.sizeBytes } });
      return toView(facts);
    },
  });

  app.delete('/api/v1/scripts/:name', {
    config: { access: 'scripts.change' },
    schema: {
      operationId: 'deleteScript',
      tags,
      summary: 'Remove a script; its history stays',
      params: nameParams,
      response: { 204: z.undefined().describe('Removed.') },
    },
    handler: async (request, reply) => {
      await scripts.remove(request.params.name, principalOf(request).actor);
      await audit(request, { action: 'scripts.delete', target: request.params.name });
      return reply.code(204).send();
    },
  });

  app.get('/api/v1/scripts/:name/versions', {
    config: { access: 'scripts.read' },
    schema: {
      operationId: 'listScriptVersions',
      tags,
      summary: 'What a script was, newest first, and who changed it',
      params: nameParams,
      response: {
        200: z.object({
          items: z.array(scriptVersion),
        }),
      },
    },
    handler: async (request) => ({
      items: (await scripts.versions(request.params.name)).map(({ at, ...rest }) => ({
        ...rest,
        at: at.toISOString(),
      })),
    }),
  });
}

function toView({ name, sizeBytes, modifiedAt, isExecutable }: ScriptFacts): Script {
  return { name, sizeBytes, modifiedAt: modifiedAt.toISOString(), isExecutable };
}
