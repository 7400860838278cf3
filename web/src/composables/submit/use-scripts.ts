import { toValue, type MaybeRefOrGetter } from 'vue';
import type { Script } from '../../../../src/contract/script.ts';
import { api, dataOf } from '../../api/client.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

/** Files of the scripts directory. */
export function useScripts(): LiveQuery<readonly Script[]> {
  return useLiveQuery<readonly Script[]>({
    key: ['scripts'],
    fetch: async () => (await dataOf(api.GET('/api/v1/scripts'))).items,
  });
}

/** One script with its text; not asked for while the name is empty. */
export function useScriptText(name: MaybeRefOrGetter<string>): LiveQuery<Script & { text: string }> {
  return useLiveQuery<Script & { text: string }>({
    key: () => ['script', toValue(name)],
    fetch: () => dataOf(api.GET('/api/v1/scripts/{name}', { params: { path: { name: toValue(name) } } })),
    isOn: () => toValue(name) !== '',
  });
}
