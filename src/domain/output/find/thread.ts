/** The inside of a thread that looks for text in output. Chunks come to it as they are stored, past the main thread. */
import type { MessagePort } from 'node:worker_threads';
import { type ErrorCode, isAppError } from '../../../contract/errors.ts';
import type { AttemptRef, OutputChunk, OutputPages } from '../ports.ts';
import { type Candidate, CandidateSearch } from './candidates.ts';
import type { SoughtText } from './line-match.ts';

export interface Page {
  attempt: AttemptRef;
  /** Number of its first chunk. */
  first: number;
  count: number;
  sought: SoughtText;
}

export interface SearchedChunk {
  chunk: OutputChunk;
  /** Null: the text is not in it. */
  candidate: Candidate | null;
}

export interface SearchedPage {
  /** Those that may hold the text, and whatever they are the first and the last one of the page, in order. */
  chunks: SearchedChunk[];
  /** A chunk stood behind the page in the moment it was read, so its last one does not grow any more. */
  hasMore: boolean;
}

/** `code`: of an error meant for people. */
export type PageAnswer = SearchedPage | { problem: string; code: ErrorCode | null };

/** Answers each page that comes. */
export function answerPages(port: MessagePort, pages: OutputPages): void {
  port.on('message', (page: Page) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    void answer(page, pages).then((told) => port.postMessage(told));
  });
}

async function answer(page: Page, pages: OutputPages): Promise<PageAnswer> {
  try {
    return await searchPage(page, pages);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { problem, code: isAppError(error) ? error.code : null };
  }
}

/** A line too long for one chunk may hold the text across two, so the chunk before the page is looked at as well. */
async function searchPage(
  { attempt, first, count, sought }: Page,
  pages: OutputPages,
): Promise<SearchedPage> {
  const search = new CandidateSearch(sought);
  const searched: SearchedChunk[] = [];
  let hasMore = false;
  const from = Math.max(0, first - 1);
  await pages.read(attempt, { from, limit: first - from + count + 1 }, (chunk) => {
    if (chunk.number >= first + count) hasMore = true;
    else {
      const candidate = search.next(chunk);
      if (chunk.number >= first) searched.push({ chunk, candidate });
    }
  });
  const chunks = searched.filter(({ candidate }, at) => candidate || at === 0 || at === searched.length - 1);
  return { chunks, hasMore };
}
