import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { urlInput } from '../../src/kinds/url/contract/url-test.ts';
import { toSent } from '../../src/kinds/url/request.ts';
import type { Found, TestMade, TestOrder } from '../../src/kinds/url/run-order.ts';
import { ThreadTester } from '../../src/kinds/url/tester.ts';
import { pollUntil } from '../support/poll.ts';
import { listen, type Site } from '../support/urls/sites.ts';

const concurrency = 5;
const count = 300;
const tester = new ThreadTester({ allowed: [{ cidr: '127.0.0.0/8', least: null }] });
const never = new AbortController().signal;

let url = '';
let site: Site | undefined;
afterEach(async () => {
  await site?.close();
  site = undefined;
});

/** A site that counts how often it is asked. */
async function startSite(): Promise<{ order: TestOrder; asked(): number }> {
  let asked = 0;
  site = await listen(
    createServer((_request, response) => {
      asked += 1;
      response.end('here');
    }),
  );
  url = `http://127.0.0.1:${site.port}`;
  return { order: orderOf(Array.from({ length: count }, (_, n) => `${url}/${n}`)), asked: () => asked };
}

function orderOf(urls: readonly string[]): TestOrder {
  const input = urlInput.parse({ urls, concurrency, perHost: concurrency });
  return { input, sent: toSent(input, new Map()), hidden: [], role: null, done: [] };
}

describe('the thread that tests URLs', () => {
  it('waits for a slow store instead of filling the memory, and loses nothing', async () => {
    const { order, asked } = await startSite();
    const { promise: isOpen, resolve: open } = Promise.withResolvers<void>();
    const numbers: number[] = [];
    let total = 0;
    const all = tester.test(order, never, {
      onFound: (found) => void (total = found.total),
      onTested: async (made) => {
        await isOpen;
        numbers.push(...made.map(({ number }) => number));
      },
    });
    const onTheWay = 100;
    await pollUntil(asked, (seen) => seen >= onTheWay);
    expect(numbers).toEqual([]);
    expect(asked()).toBeLessThan(onTheWay + concurrency);
    open();
    expect(await all).toBeNull();
    expect(total).toBe(count);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, n) => n + 1));
    expect(asked()).toBe(count);
  });

  it('asks no more once it is stopped, and hands over what was tested', async () => {
    const { order, asked } = await startSite();
    const stopping = new AbortController();
    const made: TestMade[] = [];
    const all = tester.test(order, stopping.signal, {
      onFound: () => {},
      onTested: async (some) => {
        made.push(...some);
        stopping.abort('cancelled');
      },
    });
    await expect(all).rejects.toBe('cancelled');
    expect(made.length).toBeGreaterThan(0);
    const testOne = (): Promise<unknown> =>
      tester.test(orderOf([url]), never, { onFound: () => {}, onTested: async () => {} });
    // By then the site has read what was on its way.
    await testOne();
    const askedInAll = asked();
    expect(askedInAll).toBeLessThan(count);
    await testOne();
    expect(asked()).toBe(askedInAll + 1);
  });

  it('keeps the orders of two jobs apart when one of them cannot be stored', async () => {
    const { order } = await startSite();
    let stored = 0;
    const broken = tester.test(order, never, {
      onFound: () => {},
      onTested: () => Promise.reject(new Error('no room')),
    });
    const whole = tester.test(order, never, {
      onFound: () => {},
      onTested: async (made) => void (stored += made.length),
    });
    await expect(broken).rejects.toThrow('no room');
    expect(await whole).toBeNull();
    expect(stored).toBe(count);
  });

  it('rejects only when all that was tested is stored', async () => {
    const { order } = await startSite();
    const { promise: isOpen, resolve: open } = Promise.withResolvers<void>();
    let [calls, stored, hasFailed] = [0, 0, false];
    const failing = tester.test(order, never, {
      onFound: () => {},
      onTested: async (made) => {
        calls += 1;
        if (calls === 2) throw new Error('no room');
        await isOpen;
        stored += made.length;
      },
    });
    failing.catch(() => (hasFailed = true));
    await pollUntil(
      () => calls,
      (seen) => seen >= 2,
    );
    // Whoever fails at once has done so when another order has come to its end.
    await tester.test(orderOf([url]), never, { onFound: () => {}, onTested: async () => {} });
    expect(hasFailed).toBe(false);
    open();
    await expect(failing).rejects.toThrow('no room');
    expect(stored).toBeGreaterThan(0);
  });

  it('fails the order whose listener throws at what was found, and no other', async () => {
    const { order } = await startSite();
    const onFound = (): never => {
      throw new Error('not that many');
    };
    const broken = tester.test(order, never, { onFound, onTested: async () => {} });
    await expect(broken).rejects.toThrow('not that many');
    await tester.test(orderOf([url]), never, { onFound: () => {}, onTested: async () => {} });
  });

  it('tests what stands at the place of something else that was tested before: a sitemap changes', async () => {
    const { order, asked } = await startSite();
    const tested: number[] = [];
    let found: Found | undefined;
    const done = [
      { number: 1, key: `${url}/0` },
      { number: 2, key: `${url}/gone` },
    ];
    await tester.test({ ...order, done }, never, {
      onFound: (one) => void (found = one),
      onTested: async (made) => void tested.push(...made.map(({ number }) => number)),
    });
    expect(found).toMatchObject({ total: count, done: [1] });
    expect(asked()).toBe(count - 1);
    expect(Math.min(...tested)).toBe(2);
  });

  it('fails its orders when it breaks down, instead of leaving them waiting', async () => {
    const { order, asked } = await startSite();
    const breaking = new ThreadTester({ allowed: [{ cidr: 'no range', least: null }] });
    const attempt = (): Promise<unknown> =>
      breaking.test(order, never, { onFound: () => {}, onTested: async () => {} });
    await expect(Promise.all([attempt(), attempt()])).rejects.toThrow(/CIDR/);
    await expect(attempt()).rejects.toThrow(/CIDR/);
    expect(asked()).toBe(0);
  });
});
