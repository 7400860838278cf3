import { expect, it } from 'vitest';
import { addUser, ask, useAccounts } from '../support/accounts.ts';

useAccounts();

it('the kinds that people submit are described with the schema of their input', async () => {
  const { status, body } = await ask('GET', '/kinds', await addUser('vera', 'viewer'));
  expect(status).toBe(200);
  expect(body.items.map(({ name }: { name: string }) => name)).toContain('script');
  expect(body.items.map(({ name }: { name: string }) => name)).not.toContain('bulk');
  expect(body.items[0]).toMatchObject({
    name: 'script',
    title: 'Script',
    runsProgram: true,
    input: {
      type: 'object',
      required: ['script'],
      properties: {
        script: { type: 'string', minLength: 1, description: expect.stringContaining('scripts directory') },
        arguments: { type: 'array', default: [], items: { type: 'array' } },
      },
      additionalProperties: false,
    },
  });
  expect(body.options.properties).toMatchObject({
    queue: { type: 'string', default: 'default' },
    after: { type: 'array' },
    limits: { type: 'object', properties: { memoryBytes: { type: 'integer' } } },
  });
});
