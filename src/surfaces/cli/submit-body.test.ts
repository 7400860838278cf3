import { describe, expect, it } from 'vitest';
import { toSubmitBody } from './submit-body.ts';
import { createTestContext } from './test-context.ts';

describe('toSubmitBody', () => {
  it('says only what was said, since defaults are the server’s', async () => {
    expect(await toSubmitBody(createTestContext(), { script: 'x.sh', args: [] })).toEqual({
      kind: 'script',
      input: { script: 'x.sh', arguments: [] },
    });
  });

  it('carries every option under the name of the API', async () => {
    const context = createTestContext({ stdin: 'né\n' });
    const body = await toSubmitBody(context, {
      script: 'x.sh',
      args: ['-v', 'a b'],
      queue: 'nightly',
      priority: '-5',
      label: ['gpu', 'big'],
      lane: ['licence:x'],
      key: 'site',
      runAt: '2026-03-01T14:30:00Z',
      timeout: '10m',
      retries: '2',
      name: 'Report',
      project: '3001234',
      tag: ['a'],
      env: ['LEVEL=9', 'EMPTY=', 'SUM=1+1=2'],
      secret: ['KEY=api-key'],
      stdin: '-',
      workdir: 'run/1',
      memory: '512MiB',
      cpu: '90s',
      processes: '4',
      openFiles: '64',
      outputLimit: '1MB',
      nice: '5',
      idempotencyKey: 'k',
    });
    expect(body).toEqual({
      kind: 'script',
      input: {
        script: 'x.sh',
        arguments: [['-v', "'a b'"]],
      },
      env: { LEVEL: '9', EMPTY: '', SUM: '1+1=2', KEY: { secret: 'api-key' } },
      stdin: 'né\n',
      workdir: 'run/1',
      limits: {
        memoryBytes: 512 * 1024 ** 2,
        cpuSeconds: 90,
        processes: 4,
        openFiles: 64,
        outputBytes: 1_000_000,
      },
      nice: 5,
      name: 'Report',
      queue: 'nightly',
      priority: -5,
      labels: ['gpu', 'big'],
      lanes: ['licence:x'],
      concurrencyKey: 'site',
      runAt: '2026-03-01T14:30:00.000Z',
      timeoutSeconds: 600,
      retry: { attempts: 3 },
      project: '3001234',
      tags: ['a'],
      idempotencyKey: 'k',
    });
  });

  it('another kind takes its whole input as JSON, also from standard input', async () => {
    const choices = { script: undefined, args: [], kind: 'url' };
    const expected = { kind: 'url', input: { url: 'http://x' } };
    expect(await toSubmitBody(createTestContext(), { ...choices, input: '{"url":"http://x"}' })).toEqual(
      expected,
    );
    const context = createTestContext({ stdin: '{"url":"http://x"}' });
    expect(await toSubmitBody(context, { ...choices, input: '-' })).toEqual(expected);
  });

  it('text that is no UTF-8 is refused instead of being changed', async () => {
    const context = createTestContext();
    const latin1 = Object.assign(context, {
      stdin: (await import('node:stream')).Readable.from([Buffer.from([0xe9])]),
    });
    await expect(toSubmitBody(latin1, { script: 'x.sh', args: [], stdin: '-' })).rejects.toThrow(
      'no UTF-8 text',
    );
  });

  it('--input and a script exclude each other', async () => {
    const choices = { script: 'a.sh', args: [], input: '{}' };
    await expect(toSubmitBody(createTestContext(), choices)).rejects.toThrow('either --input or a script');
  });

  it('a size that is none is refused', async () => {
    const choices = { script: 'a.sh', args: [], memory: 'much' };
    await expect(toSubmitBody(createTestContext(), choices)).rejects.toThrow('--memory is "much"');
  });
});
