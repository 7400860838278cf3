import { urlInput, type UrlInput } from '../../../src/kinds/url/contract/url-test.ts';
import type { z } from 'zod';
import { ConditionThread } from '../../../src/kinds/url/condition-thread.ts';
import { LoopLag } from '../../../src/kinds/url/loop-lag.ts';
import { createGuard, type AllowedRange } from '../../../src/kinds/url/guard.ts';
import { systemResolver, type Resolver } from '../../../src/kinds/url/resolve.ts';
import { toSent } from '../../../src/kinds/url/request.ts';
import { testUrl, type Tested } from '../../../src/kinds/url/test-url.ts';

export interface TesterOptions {
  allowed?: readonly AllowedRange[];
  resolve?: Resolver;
  authorities?: readonly string[];
  family?: 4 | 6 | null;
  signal?: AbortSignal;
}

export const thisMachine: readonly AllowedRange[] = [
  { cidr: '127.0.0.0/8', least: null },
  { cidr: '::1', least: null },
];

/** One test as the kind does it, of a URL on this machine; one try unless the input says more. */
export async function ask(
  url: string,
  input: Partial<z.input<typeof urlInput>> = {},
  options: TesterOptions = {},
): Promise<Tested> {
  const conditions = new ConditionThread();
  const lag = new LoopLag();
  const parsed: UrlInput = urlInput.parse({ urls: [url], tries: 1, pauseMs: 1, ...input });
  try {
    return await testUrl(
      { url: parsed.urls[0] ?? '', family: options.family ?? null, asGiven: null },
      {
        input: parsed,
        sent: toSent(parsed, new Map()),
        mask: (value) => value,
        role: null,
        guard: createGuard(options.allowed ?? thisMachine),
        resolve: options.resolve ?? systemResolver,
        ...(options.authorities ? { authorities: options.authorities } : {}),
        conditions,
        lag,
        signal: options.signal ?? new AbortController().signal,
      },
    );
  } finally {
    lag.close();
    await conditions.close();
  }
}
