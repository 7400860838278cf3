/**
 * The diary in Chromium, on a million jobs: from the first byte asked for until rows stand there and a key moves between
 * them, with nothing in the browser's cache; and the longest piece of work of the page while ten thousand rows are read
 * by the wheel, and while one jumps in them. Figures of a browser without a graphics card, on the same cores as the
 * server and the database.
 */
import { chromium, type Page } from 'playwright-core';
import { migrate } from '../src/adapters/store/migrate.ts';
import { fillDiary } from './fill-diary.ts';
import { atMost, type Bench, median, percentile } from './harness.ts';
import { openDatabase, startPostgres } from './postgres.ts';
import { startServer } from './server.ts';

const rowsRead = 10_000;

/** Run in the page, before anything of it: as text, since this side of the bench knows no DOM. */
const watchPage = `
  window.marks = { longTasksMs: [] };
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.marks.longTasksMs.push(duration);
  }).observe({ type: 'longtask', buffered: true });
`;
const list = '[role=list][aria-label=Jobs]';

export const pagesBench: Bench = {
  name: 'pages',
  goals: 'pages',
  summary: 'the diary in Chromium on COUNT jobs: until it can be used, and reading ten thousand rows',
  count: 1_000_000,
  usesDatabase: true,
  run: async ({ count, rounds, database }) => {
    const postgres = await startPostgres(database);
    const made = await postgres.createDatabase();
    const db = openDatabase(made.url, 4);
    await migrate(db);
    await fillDiary(db, count);
    await db.close();
    const server = await startServer({ database: 'embedded', env: { DATABASE_URL: made.url } });
    const browser = await chromium.launch({
      executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
    const open = async (): Promise<Page> => {
      const context = await browser.newContext({
        baseURL: server.url,
        viewport: { width: 1440, height: 900 },
        extraHTTPHeaders: { authorization: server.authorization },
      });
      const page = await context.newPage();
      await page.addInitScript({ content: watchPage });
      return page;
    };
    try {
      const usable: number[] = [];
      for (let round = 0; round <= rounds; round += 1) {
        const ms = await untilUsable(await open());
        // The first one warms the server.
        if (round > 0) usable.push(ms);
      }
      const page = await open();
      await untilUsable(page);
      const reading = await readRows(page);
      const plain = { goal: 'pages', unit: 'ms', peer: null, theirs: null };
      return [
        {
          ...plain,
          what: `the diary of ${count} jobs until it can be used`,
          ours: median(usable),
          wanted: atMost(1_500),
        },
        {
          ...plain,
          what: `longest work of the page while ${rowsRead} rows are read`,
          ours: percentile(reading, 1),
          wanted: atMost(100),
        },
      ];
    } finally {
      await browser.close();
      await server.close();
      await made.drop();
      await postgres.stop();
    }
  },
};

/** Milliseconds from the begin of the navigation until a key has moved to the first row. */
async function untilUsable(page: Page): Promise<number> {
  await page.goto('/', { waitUntil: 'commit' });
  await page.locator(`${list} [role=listitem]`).first().waitFor();
  await page.keyboard.press('j');
  await page.locator(`${list} [aria-current=true]`).waitFor();
  return page.evaluate<number>('performance.now()');
}

/** The page's long tasks, in milliseconds, while it is scrolled through so many rows; at least one figure. */
async function readRows(page: Page): Promise<number[]> {
  await page.evaluate('window.marks.longTasksMs = []');
  const height = await page.evaluate<number>(
    `document.querySelector('${list} [role=listitem]').getBoundingClientRect().height`,
  );
  await page.mouse.move(700, 500);
  while ((await page.evaluate<number>('window.scrollY')) < rowsRead * height) {
    await page.mouse.wheel(0, 3_000);
    await page.evaluate('new Promise((resolve) => requestAnimationFrame(resolve))');
  }
  for (const place of [0, 0.5, 0.1, 0.9, 0.3]) {
    await page.evaluate(`window.scrollTo(0, document.documentElement.scrollHeight * ${place})`);
    await page.locator(`${list} [role=listitem]`).first().waitFor();
  }
  return page.evaluate<number[]>('[0, ...window.marks.longTasksMs]');
}
