import {
  computed,
  onScopeDispose,
  ref,
  shallowRef,
  toValue,
  type ComputedRef,
  type MaybeRefOrGetter,
  type Ref,
} from 'vue';
import { toApiError, type ApiError } from '../../api/api-error.ts';
import { findOutput, type FoundPage, type OutputSource } from '../../api/output.ts';

type Direction = 'forward' | 'backward';
type FoundLine = FoundPage['lines'][number];

/** Asked for at once, so that most steps need no answer of the server. */
const hitsAtOnce = 50;

export interface OutputFind {
  text: Ref<string>;
  ignoresCase: Ref<boolean>;
  status: Ref<'idle' | 'searching' | 'found' | 'none' | 'error'>;
  error: Ref<ApiError | null>;
  /** The line found last. */
  hit: Readonly<Ref<FoundLine | null>>;
  /** While it looks: the place up to which it did. */
  searchedTo: Ref<string | null>;
  isActive: ComputedRef<boolean>;
  /**
   * The next line that holds the text, seen from the line found last, else from `start`; the server is asked again
   * and again while it says that its time was up. After a step that found nothing, the next one begins at the other
   * end.
   */
  step: (direction: Direction, start: string | null) => Promise<FoundLine | null>;
  /** Begins anew with the next step. */
  reset: () => void;
}

/** Finds a text in an output of any length, also while it grows. */
export function useOutputFind(source: MaybeRefOrGetter<OutputSource>): OutputFind {
  const text = ref('');
  const ignoresCase = ref(true);
  const status = ref<'idle' | 'searching' | 'found' | 'none' | 'error'>('idle');
  const error = ref<ApiError | null>(null);
  const hit = shallowRef<FoundLine | null>(null);
  const searchedTo = ref<string | null>(null);
  /** Found and not shown yet, the nearest first. */
  let ahead: { direction: Direction; lines: FoundLine[] } = { direction: 'forward', lines: [] };
  let hasFailed: Direction | null = null;
  let running: AbortController | null = null;

  function reset(): void {
    running?.abort();
    hit.value = null;
    hasFailed = null;
    ahead = { direction: 'forward', lines: [] };
    status.value = 'idle';
    searchedTo.value = null;
  }

  async function step(direction: Direction, start: string | null): Promise<FoundLine | null> {
    running?.abort();
    if (text.value === '') return null;
    const next = ahead.direction === direction ? ahead.lines.shift() : undefined;
    if (next) return found(next);
    const controller = new AbortController();
    running = controller;
    status.value = 'searching';
    try {
      const isRound = hasFailed === direction;
      const from = isRound ? null : hit.value ? besideHit(hit.value, direction) : start;
      const lines = await search(direction, from, controller.signal);
      const [first, ...rest] = lines;
      ahead = { direction, lines: rest };
      hasFailed = first ? null : direction;
      if (first) return found(first);
      status.value = 'none';
    } catch (cause) {
      if (controller.signal.aborted) return null;
      error.value = toApiError(cause);
      status.value = 'error';
    }
    return null;
  }

  async function search(
    direction: Direction,
    start: string | null,
    signal: AbortSignal,
  ): Promise<FoundLine[]> {
    for (let from = start; ;) {
      searchedTo.value = from;
      const page = await findOutput(
        toValue(source),
        {
          find: text.value,
          case: ignoresCase.value ? 'ignore' : 'exact',
          direction,
          lines: hitsAtOnce,
          ...(from === null ? {} : { from }),
        },
        signal,
      );
      signal.throwIfAborted();
      if (page.lines.length > 0 || page.next === null) return page.lines;
      from = page.next;
    }
  }

  function found(line: FoundLine): FoundLine {
    hit.value = line;
    status.value = 'found';
    return line;
  }

  /** Where to go on: behind the line, or before it. */
  function besideHit({ place = '', line }: FoundLine, direction: Direction): string {
    const step = direction === 'forward' ? 1 : 0;
    if (toValue(source).stream !== 'merged') return String((line ?? 0) + step);
    const [chunk = '0', index = '0'] = place.split('.');
    return `${chunk}.${Number(index) + step}`;
  }

  onScopeDispose(() => running?.abort());
  return {
    text,
    ignoresCase,
    status,
    error,
    hit,
    searchedTo,
    isActive: computed(() => text.value !== ''),
    step,
    reset,
  };
}
