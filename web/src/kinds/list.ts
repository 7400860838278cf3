import { defineAsyncComponent, type Component } from 'vue';

/** What the pages show of a kind in a way of its own. */
export interface KindViews {
  /** In place of the form that is made from the schema; gets `members` and `problems`, its model is the input. */
  form?: Component;
  /** In place of the tree, tables and plots of every other result, and of what was measured; gets `job`. */
  result?: Component;
}

/** Kinds for which the usual does not do: one folder, one line here. */
export const kindViews: Readonly<Record<string, KindViews>> = {
  script: { form: defineAsyncComponent(() => import('./script/ScriptForm.vue')) },
  url: {
    form: defineAsyncComponent(() => import('./url/UrlForm.vue')),
    result: defineAsyncComponent(() => import('./url/UrlResult.vue')),
  },
};
