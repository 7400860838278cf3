import { useLocalStorage, type RemovableRef } from '@vueuse/core';
import type { StreamChoice } from '../../../../src/contract/stream.ts';

export interface OutputChoices {
  stream: StreamChoice;
  times: 'off' | 'relative' | 'clock';
  isWrapped: boolean;
  hasProtocol: boolean;
}

/** How this browser shows output. */
export function useOutputChoices(): RemovableRef<OutputChoices> {
  return useLocalStorage<OutputChoices>(
    'daybook-output',
    { stream: 'merged', times: 'off', isWrapped: true, hasProtocol: false },
    { mergeDefaults: true },
  );
}
