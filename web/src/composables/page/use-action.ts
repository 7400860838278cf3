import { useToast } from '@nuxt/ui/composables/useToast';
import { ref, type Ref } from 'vue';
import { toApiError } from '../../api/api-error.ts';

/** Something a person asked for: whether it is under way; what was refused is shown, by the title given. */
export function useAction(): {
  isBusy: Ref<boolean>;
  /** Resolves with whether it was done. */
  act: (refused: string, call: () => Promise<unknown>) => Promise<boolean>;
} {
  const toast = useToast();
  const isBusy = ref(false);
  return {
    isBusy,
    act: async (refused, call) => {
      isBusy.value = true;
      try {
        await call();
        return true;
      } catch (cause) {
        const { message, code } = toApiError(cause);
        toast.add({
          title: refused,
          description: `${message} (${code})`,
          color: 'error',
          icon: 'i-lucide-circle-alert',
        });
        return false;
      } finally {
        isBusy.value = false;
      }
    },
  };
}
