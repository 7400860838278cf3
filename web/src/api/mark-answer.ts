import { markOverrides } from '../../../src/contract/bidi-overrides.ts';

/**
 * An answer in which no text reorders what stands around it: names come from anybody, and pages show them in a hundred
 * places. The record keeps them as they were given.
 */
export async function markAnswer(response: Response): Promise<Response> {
  if (response.status === 204 || !response.headers.get('content-type')?.includes('json')) return response;
  return new Response(markOverrides(await response.text()), response);
}
