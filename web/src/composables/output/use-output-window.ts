import { useEventListener } from '@vueuse/core';
import {
  computed,
  nextTick,
  onScopeDispose,
  ref,
  shallowRef,
  toValue,
  watch,
  type ComputedRef,
  type MaybeRefOrGetter,
  type Ref,
} from 'vue';
import { toApiError, type ApiError } from '../../api/api-error.ts';
import { viewOutput, type OutputSource, type OutputView } from '../../api/output.ts';
import { appendLines, dropLinesFrom, toBlocks, trimBlocks, type OutputBlock } from './output-blocks.ts';

const pageLines = 300;
/** Before the line that one goes to, so that it is seen among others. */
const linesBefore = 100;
const pollMs = { busy: 300, idle: 1_000, lost: 2_000 };

export interface OutputWindow {
  status: ComputedRef<'loading' | 'empty' | 'ready' | 'error'>;
  error: Ref<ApiError | null>;
  blocks: Readonly<Ref<readonly OutputBlock[]>>;
  hasBefore: ComputedRef<boolean>;
  hasAfter: ComputedRef<boolean>;
  /** Lines in all. */
  rows: Ref<number>;
  /** Pieces in which the server stores them; places count them. */
  chunks: Ref<number>;
  isEnded: Ref<boolean>;
  /** Stays at the end while more is printed. */
  isFollowing: Ref<boolean>;
  /** Shows another place: `start`, `end` or one that the server knows; resolves with the place of the line there. */
  open: (place: string) => Promise<string | null>;
  loadBefore: () => Promise<void>;
  loadAfter: () => Promise<void>;
}

/**
 * Some thousand lines of an output of any length: those around the place somebody looks at. Pages are added at the
 * side where one scrolls to and dropped at the other. While the attempt runs, what is printed is asked for from the
 * place where the last answer ended, so that nothing is lost or doubled however often the connection breaks.
 */
export function useOutputWindow(source: MaybeRefOrGetter<OutputSource>): OutputWindow {
  const blocks = shallowRef<readonly OutputBlock[]>([]);
  const before = ref<string | null>(null);
  const after = ref<string | null>(null);
  const hasMore = ref(false);
  const rows = ref(0);
  const chunks = ref(0);
  const isEnded = ref(false);
  const isFollowing = ref(false);
  const isLoaded = ref(false);
  const error = ref<ApiError | null>(null);
  /** The last lines were read at the end of what was stored: those without an end come again. */
  let isAtEnd = false;
  /** Answers to what was asked before one went elsewhere are dropped. */
  let generation = 0;
  const busy = { begin: false, end: false };
  let timer: ReturnType<typeof setTimeout> | undefined;

  const ask = (from: string | null, direction: 'forward' | 'backward', lines: number): Promise<OutputView> =>
    viewOutput(toValue(source), { ...(from === null ? {} : { from }), direction, lines });

  async function open(place: string): Promise<string | null> {
    generation += 1;
    const mine = generation;
    Object.assign(busy, { begin: true, end: true });
    clearTimeout(timer);
    try {
      const [above, below] = await askAround(place);
      if (mine !== generation) return null;
      const last = below ?? above;
      blocks.value = [above, below].flatMap((page) => toBlocks(page?.lines ?? []));
      before.value = (above ?? below)?.before ?? null;
      if (last) takeEnd(last);
      error.value = null;
      isLoaded.value = true;
      await nextTick();
      return (
        (place === 'end' ? above?.lines.at(-1) : (below?.lines[0] ?? above?.lines.at(-1)))?.place ?? null
      );
    } catch (cause) {
      if (mine === generation) error.value = toApiError(cause);
      return null;
    } finally {
      if (mine === generation) {
        Object.assign(busy, { begin: false, end: false });
        schedule(pollMs.busy);
      }
    }
  }

  async function askAround(place: string): Promise<[OutputView | null, OutputView | null]> {
    if (place === 'start') return [null, await ask(null, 'forward', pageLines)];
    if (place === 'end') return [await ask('end', 'backward', pageLines), null];
    const [above, below] = await Promise.all([
      ask(place, 'backward', linesBefore),
      ask(place, 'forward', pageLines),
    ]);
    // Behind the last line: what is before it is the end.
    return below.lines.length === 0 ? [await ask('end', 'backward', pageLines), null] : [above, below];
  }

  function takeEnd(page: OutputView): void {
    after.value = page.after;
    hasMore.value = page.hasMore;
    isAtEnd = !page.hasMore;
    takeTotals(page);
  }

  function takeTotals(page: OutputView): void {
    rows.value = page.rows;
    chunks.value = page.chunks;
    isEnded.value = page.isEnded;
  }

  async function load(side: 'begin' | 'end', take: () => Promise<(() => void) | null>): Promise<void> {
    if (busy[side]) return;
    busy[side] = true;
    const mine = generation;
    try {
      const apply = await take();
      if (mine === generation) apply?.();
    } catch (cause) {
      // What is on screen stays; scrolling, or the next round, asks again.
      if (mine === generation && blocks.value.length === 0) error.value = toApiError(cause);
    } finally {
      if (mine === generation) busy[side] = false;
    }
  }

  const loadBefore = (): Promise<void> =>
    load('begin', async () => {
      if (before.value === null) return null;
      const page = await ask(before.value, 'backward', pageLines);
      return () => {
        before.value = page.before;
        if (page.lines.length > 0) keep([...toBlocks(page.lines), ...blocks.value], 'end');
        takeTotals(page);
      };
    });

  const loadAfter = (): Promise<void> =>
    load('end', async () => {
      if (!hasMore.value) return null;
      const page = await ask(after.value, 'forward', pageLines);
      return () => append(page);
    });

  function append(page: OutputView): void {
    const known = isAtEnd && after.value !== null ? dropLinesFrom(blocks.value, after.value) : blocks.value;
    keep(appendLines(known, page.lines), 'begin');
    takeEnd(page);
  }

  /** Shows these, less those at the far side that are too many; they are there again when somebody goes back. */
  function keep(next: readonly OutputBlock[], farSide: 'begin' | 'end'): void {
    const kept = trimBlocks(next, farSide);
    const count = next.length - kept.length;
    if (count > 0 && farSide === 'begin') before.value = kept[0]?.lines[0]?.place ?? null;
    if (count > 0 && farSide === 'end') {
      after.value = next[kept.length]?.lines[0]?.place ?? null;
      hasMore.value = true;
      isAtEnd = false;
    }
    blocks.value = kept;
  }

  function schedule(ms: number): void {
    clearTimeout(timer);
    // Nobody looks; it goes on from its place when somebody does.
    if (document.hidden) return;
    if (!isEnded.value || isFollowing.value) timer = setTimeout(() => void poll(), ms);
  }

  /** Looks for more. Who does not follow is only told that there is. */
  async function poll(): Promise<void> {
    let pauseMs = pollMs.lost;
    let isBehind = false;
    const mine = generation;
    await load('end', async () => {
      const page = await ask(after.value, 'forward', isFollowing.value ? pageLines : 1);
      return (): void => {
        pauseMs = page.rows > rows.value ? pollMs.busy : pollMs.idle;
        // It prints faster than pages can follow: on to the end.
        isBehind = isFollowing.value && page.hasMore;
        if (isFollowing.value && !isBehind) return append(page);
        takeTotals(page);
        hasMore.value ||= page.hasMore || page.lines.some(({ isPartial }) => !isPartial);
      };
    });
    if (mine !== generation) return;
    if (isBehind) await open('end');
    else if (!isEnded.value) schedule(pauseMs);
  }

  useEventListener(document, 'visibilitychange', () => isLoaded.value && schedule(0));
  watch(isFollowing, (isOn) => {
    if (isOn && hasMore.value) void open('end');
    else if (isOn) schedule(0);
  });
  onScopeDispose(() => {
    generation += 1;
    clearTimeout(timer);
  });

  return {
    status: computed(() => {
      if (error.value && blocks.value.length === 0) return 'error';
      if (blocks.value.length > 0) return 'ready';
      return isLoaded.value ? 'empty' : 'loading';
    }),
    error,
    blocks,
    hasBefore: computed(() => before.value !== null),
    hasAfter: computed(() => hasMore.value),
    rows,
    chunks,
    isEnded,
    isFollowing,
    open,
    loadBefore,
    loadAfter,
  };
}
