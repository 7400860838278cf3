import { ref, type Ref } from 'vue';
import { api, dataOf } from '../../api/client.ts';

export interface CompletionItem {
  text: string;
  meaning: string | null;
}

interface Completions {
  /** What a choice replaces, in UTF-16 units. */
  from: number;
  to: number;
  items: readonly CompletionItem[];
}

const none: Completions = { from: 0, to: 0, items: [] };

/** What may stand at the cursor of a filter, asked of the server while somebody types. */
export function useCompletion(): {
  completions: Ref<Completions>;
  ask: (text: string, at: number) => Promise<void>;
  clear: () => void;
} {
  const completions = ref<Completions>(none) as Ref<Completions>;
  let asked = 0;
  return {
    completions,
    ask: async (text, at) => {
      asked += 1;
      const mine = asked;
      // Help that does not come is no error worth showing.
      const found = await dataOf(
        api.GET('/api/v1/jobs/complete', { params: { query: { q: text, at } } }),
      ).catch(() => none);
      if (mine === asked) completions.value = found;
    },
    clear: () => {
      asked += 1;
      completions.value = none;
    },
  };
}
