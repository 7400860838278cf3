import { useEventListener } from '@vueuse/core';

/**
 * Single keys of a page. Those that somebody types into a field or presses in a dialog or menu are theirs, as is what a
 * button or link answers to, and what is pressed with Ctrl, Alt or Meta.
 */
export function useKeys(isOn: () => boolean, actions: Readonly<Record<string, () => unknown>>): void {
  useEventListener(window, 'keydown', (event) => {
    if (!isOn() || event.ctrlKey || event.altKey || event.metaKey || isTaken(event)) return;
    const act = actions[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function isTaken({ target, key, defaultPrevented }: KeyboardEvent): boolean {
  if (defaultPrevented || document.querySelector('[role="dialog"], [role="menu"]')) return true;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest('input, textarea, select')) return true;
  return (key === 'Enter' || key.startsWith('Arrow')) && target.closest('button, a') !== null;
}
