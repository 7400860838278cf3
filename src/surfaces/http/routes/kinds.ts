import { z } from 'zod';
import { submitOptions } from '../../../contract/job.ts';
import { kindDescription, jsonSchema, type KindDescription } from '../../../contract/kind.ts';
import type { Kind, KindRegistry } from '../../../domain/jobs/kind-ports.ts';
import type { App } from '../access.ts';

interface KindDependencies {
  kinds: KindRegistry;
}

export function registerKindRoutes(app: App, { kinds }: KindDependencies): void {
  const items = kinds.list.filter(({ isInternal }) => !isInternal).map(describe);
  const options = z.toJSONSchema(submitOptions, { io: 'input' });
  app.get('/api/v1/kinds', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'listKinds',
      tags: ['jobs'],
      summary: 'What sorts of work can be submitted',
      description:
        'With the JSON Schema of the input: what a form, a check or a completion elsewhere can be made from.',
      response: {
        200: z.object({
          items: z.array(kindDescription),
          options: jsonSchema.describe('JSON Schema of what may accompany any kind’s input on submit.'),
        }),
      },
    },
    handler: () => Promise.resolve({ items, options }),
  });
}

function describe({ name, title, description, runsProgram, input }: Kind): KindDescription {
  return { name, title, description, runsProgram, input: z.toJSONSchema(input, { io: 'input' }) };
}
