import { defineAsyncComponent, type Component } from 'vue';

/**
 * Forms of kinds for which the one made from their schema does not do. Each gets `members` and `problems`, its model is
 * the input.
 */
export const kindForms: Readonly<Record<string, Component>> = {
  script: defineAsyncComponent(() => import('./script/ScriptForm.vue')),
  url: defineAsyncComponent(() => import('./url/UrlForm.vue')),
};

/**
 * What shows the result of a kind, and what it measured, better than the tree, tables and plots of every other result;
 * gets `job`.
 */
export const resultViews: Readonly<Record<string, Component>> = {
  url: defineAsyncComponent(() => import('./url/UrlResult.vue')),
};
