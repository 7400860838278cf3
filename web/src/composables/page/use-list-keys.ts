import type { Ref } from 'vue';
import { useKeys } from '../shell/use-keys.ts';

/**
 * A list by keyboard: `j` and `k` or the arrows move, Enter opens, `x` selects (with Shift all up to there), Escape lets
 * go, `/` searches.
 */
export function useListKeys(options: {
  isOn: () => boolean;
  ids: () => readonly number[];
  active: Ref<number | null>;
  open: (id: number) => void;
  toggle: (id: number, isRange: boolean) => void;
  escape: () => void;
  search: () => void;
}): void {
  const { active } = options;
  const move = (by: number): void => {
    const ids = options.ids();
    const at = active.value === null ? -1 : ids.indexOf(active.value);
    const next = Math.min(Math.max(at + by, 0), ids.length - 1);
    active.value = ids[next] ?? null;
  };
  const toggle = (isRange: boolean): void => {
    if (active.value !== null) options.toggle(active.value, isRange);
  };
  useKeys(options.isOn, {
    j: () => move(1),
    ArrowDown: () => move(1),
    k: () => move(-1),
    ArrowUp: () => move(-1),
    Enter: () => active.value !== null && options.open(active.value),
    x: () => toggle(false),
    X: () => toggle(true),
    Escape: () => options.escape(),
    '/': () => options.search(),
  });
}
