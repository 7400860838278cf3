import type { KindDescription } from '../../../../src/contract/kind.ts';
import { api, dataOf } from '../../api/client.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

export interface Kinds {
  items: readonly KindDescription[];
  /** JSON Schema of what may accompany any input. */
  options: Record<string, unknown>;
}

/** What can be submitted. */
export function useKinds(): LiveQuery<Kinds> {
  return useLiveQuery<Kinds>({ key: ['kinds'], fetch: () => dataOf(api.GET('/api/v1/kinds')) });
}
