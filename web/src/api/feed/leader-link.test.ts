import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLeaderLink } from './leader-link.ts';
import type { FeedLink, FeedMessage } from './messages.ts';

/** Everybody hears what the others say, a moment later, as in browsers. */
class Room {
  readonly #ears: { of: object; hear: (event: MessageEvent) => void }[] = [];

  enter(): { postMessage(data: unknown): void; addEventListener(type: string, hear: never): void } {
    const me = {
      postMessage: (data: unknown) => {
        for (const { of, hear } of this.#ears)
          if (of !== me) setTimeout(() => hear({ data: structuredClone(data) } as MessageEvent), 1);
      },
      addEventListener: (_type: string, hear: never) => void this.#ears.push({ of: me, hear }),
    };
    return me;
  }
}

interface Tab {
  link: FeedLink;
  told: FeedMessage[];
}

const news: FeedMessage = { type: 'news', news: { id: 7 } as never };
let open: { tell: (message: FeedMessage) => void; wasOpen: boolean }[] = [];
let room = new Room();

beforeEach(() => {
  vi.useFakeTimers();
  open = [];
  room = new Room();
});
afterEach(() => {
  vi.useRealTimers();
});

function tab(): Tab {
  const told: FeedMessage[] = [];
  const link = createLeaderLink((message) => told.push(message), {
    channel: room.enter() as never,
    isHidden: () => false,
    connect: (tell, { wasOpen }) => {
      const mine = { tell, wasOpen };
      return {
        state: { type: 'state', state: 'open', isAgain: false },
        open: () => open.push(mine),
        close: () => (open = open.filter((one) => one !== mine)),
      };
    },
  });
  return { link, told };
}

async function joined(count: number): Promise<Tab[]> {
  const tabs = Array.from({ length: count }, tab);
  for (const { link } of tabs) {
    link.join(false);
    await vi.advanceTimersByTimeAsync(500);
  }
  return tabs;
}

it('one of many pages holds the stream, and all hear the news', async () => {
  const tabs = await joined(7);
  expect(open).toHaveLength(1);
  open[0]?.tell(news);
  await vi.advanceTimersByTimeAsync(10);
  for (const { told } of tabs) expect(told.at(-1)).toEqual(news);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(open).toHaveLength(1);
});

it('pages that come at once agree on one', async () => {
  const tabs = Array.from({ length: 5 }, tab);
  for (const { link } of tabs) link.join(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(open).toHaveLength(1);
});

it('when the leader goes another one takes over, and says that something may have been missed', async () => {
  const tabs = await joined(3);
  tabs[0]?.link.leave();
  expect(open).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(open).toMatchObject([{ wasOpen: true }]);
});

it('a page that joins with a new session has the stream opened anew', async () => {
  await joined(2);
  const [before] = open;
  const [late] = [tab()];
  late.link.join(true);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(open).toHaveLength(1);
  expect(open[0]).not.toBe(before);
});

it('pages that have left hear nothing', async () => {
  const [first, second] = await joined(2);
  second?.link.leave();
  const before = second?.told.length;
  open[0]?.tell(news);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(second?.told.length).toBe(before);
  expect(first?.told.at(-1)).toEqual(news);
});
