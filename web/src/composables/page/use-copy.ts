import { refAutoReset } from '@vueuse/core';
import type { Ref } from 'vue';

const copiedForMs = 1_500;

/**
 * Puts text into the clipboard, also from a page that came by plain http, where browsers have only the old way. The text
 * is handed to the event of that way itself: marking it on the page, as is usual, copies nothing from within a dialog or a
 * menu, which take the focus back at once.
 */
export function useCopy(): {
  /** Resolves with whether it was done. */
  copy: (text: string) => Promise<boolean>;
  /** For a moment after it was done. */
  copied: Ref<boolean>;
} {
  const copied = refAutoReset(false, copiedForMs);
  return {
    copied,
    copy: async (text) => (copied.value = await write(text)),
  };
}

async function write(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No such thing on this page, or not allowed.
    return writeByEvent(text);
  }
}

function writeByEvent(text: string): boolean {
  let isWritten = false;
  const fill = (event: ClipboardEvent): void => {
    event.clipboardData?.setData('text/plain', text);
    event.preventDefault();
    isWritten = true;
  };
  document.addEventListener('copy', fill, { capture: true, once: true });
  document.execCommand('copy');
  document.removeEventListener('copy', fill, { capture: true });
  return isWritten;
}
