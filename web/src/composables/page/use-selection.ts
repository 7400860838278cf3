import { computed, ref, shallowRef, toValue, type ComputedRef, type MaybeRefOrGetter, type Ref } from 'vue';

export interface Selection {
  /** Numbers of the jobs that were selected one by one. */
  selected: Readonly<Ref<ReadonlySet<number>>>;
  /** Every job that the filter finds, also those that are on no page yet. */
  isAll: Readonly<Ref<boolean>>;
  /** On a phone: a tap selects instead of opening. */
  isPicking: Ref<boolean>;
  isEmpty: ComputedRef<boolean>;
  /** The selection in the filter language; `null` while nothing is selected. */
  target: ComputedRef<string | null>;
  has: (id: number) => boolean;
  /** @param isRange also all between the one before and this one */
  toggle: (id: number, isRange?: boolean) => void;
  selectAll: () => void;
  clear: () => void;
}

/** Which jobs of a list something is to be done to. */
export function useSelection(options: {
  ids: () => readonly number[];
  filter: MaybeRefOrGetter<string>;
}): Selection {
  const selected = shallowRef<ReadonlySet<number>>(new Set());
  const isAll = ref(false);
  const isPicking = ref(false);
  let anchor: number | null = null;

  const has = (id: number): boolean => isAll.value || selected.value.has(id);
  return {
    selected,
    isAll,
    isPicking,
    isEmpty: computed(() => !isAll.value && selected.value.size === 0),
    target: computed(() => {
      if (isAll.value) return toValue(options.filter);
      return selected.value.size === 0 ? null : `id:${[...selected.value].join(',')} show:obsolete`;
    }),
    has,
    toggle: (id, isRange = false) => {
      const ids = options.ids();
      const before = isAll.value ? new Set(ids) : selected.value;
      isAll.value = false;
      selected.value = toggled(before, id, isRange ? idsBetween(ids, anchor, id) : [id]);
      anchor = id;
      if (selected.value.size === 0) isPicking.value = false;
    },
    selectAll: () => {
      isAll.value = true;
    },
    clear: () => {
      selected.value = new Set();
      isAll.value = false;
      isPicking.value = false;
      anchor = null;
    },
  };
}

/** Those of `range` become what `id` becomes by being toggled. */
export function toggled(before: ReadonlySet<number>, id: number, range: readonly number[]): Set<number> {
  const next = new Set(before);
  const isOn = !before.has(id);
  for (const one of range) {
    if (isOn) next.add(one);
    else next.delete(one);
  }
  return next;
}

/** From one to the other in the order of the list, whichever comes first; only `to` when `from` is not on it. */
export function idsBetween(ids: readonly number[], from: number | null, to: number): number[] {
  const [a, b] = [from === null ? -1 : ids.indexOf(from), ids.indexOf(to)];
  if (a < 0 || b < 0) return [to];
  return ids.slice(Math.min(a, b), Math.max(a, b) + 1);
}
