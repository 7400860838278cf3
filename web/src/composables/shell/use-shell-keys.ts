import { useEventListener } from '@vueuse/core';
import { ref, type Ref } from 'vue';
import { useRouter } from 'vue-router';
import { navigation } from '../../pages.ts';
import { useKeys } from './use-keys.ts';

/** Within this time the second key of `g d` must follow. */
const secondKeyMs = 1_500;

/** Keys of every page: `?` explains them, Ctrl-K opens the palette, `g` and a letter goes to a page. */
export function useShellKeys(): { isHelpOpen: Ref<boolean>; isPaletteOpen: Ref<boolean> } {
  const isHelpOpen = ref(false);
  const isPaletteOpen = ref(false);
  const router = useRouter();
  let begunAt = -Infinity;

  const isBegun = (): boolean => performance.now() - begunAt < secondKeyMs;
  const second = Object.fromEntries(
    navigation.map(({ keys, to }) => [
      keys.slice(2),
      () => {
        begunAt = -Infinity;
        void router.push(to);
      },
    ]),
  );
  // In front of the keys of the page, which leave a key alone that was taken.
  useKeys(isBegun, second);
  useKeys(() => true, {
    '?': () => (isHelpOpen.value = true),
    g: () => (begunAt = performance.now()),
  });
  useEventListener(window, 'keydown', (event) => {
    if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    event.preventDefault();
    isPaletteOpen.value = !isPaletteOpen.value;
  });
  return { isHelpOpen, isPaletteOpen };
}
