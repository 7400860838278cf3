/**
 * `npm run screenshots`: every page, light and dark, 1440 and 390 px wide, of a server of its own with a small lab in it.
 *
 *     npm run screenshots [-- --to DIRECTORY] [--only diary,job]
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium, type Page } from 'playwright-core';
import { adminPassword } from '../support/admin.ts';
import { startServer } from '../support/server.ts';
import { fillLab } from '../support/filled-lab.ts';

const { values } = parseArgs({
  options: { to: { type: 'string', default: 'screenshots' }, only: { type: 'string' } },
});
const only = values.only?.split(',');
mkdirSync(values.to, { recursive: true });

const server = await startServer({ DAYBOOK_URL_ALLOW: '127.0.0.0/8' });
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
try {
  const { failed, measured, running, waiting, tested, testedList } = await fillLab(server);
  const pages: Record<string, string> = {
    'sign-in': '/sign-in',
    diary: '/',
    'diary-filtered': '/?q=state:failed',
    job: `/jobs/${measured}`,
    'job-failed': `/jobs/${failed}`,
    'job-output': `/jobs/${running}/output`,
    'job-result': `/jobs/${measured}/result`,
    'job-files': `/jobs/${measured}/files`,
    'job-attempts': `/jobs/${failed}/attempts`,
    'job-history': `/jobs/${failed}/history`,
    'job-waiting': `/jobs/${waiting}/waiting`,
    inbox: '/inbox',
    submit: '/submit/script',
    schedules: '/schedules',
    schedule: '/schedules/watch-mesh',
    'schedule-edit': '/schedules/watch-mesh/edit',
    urls: '/urls',
    'urls-status': '/urls/status',
    'urls-submit': '/submit/url',
    'url-result': `/jobs/${tested}/result`,
    'url-list-result': `/jobs/${testedList}/result`,
    queues: '/queues',
    failures: '/failures',
    charts: '/charts',
    'settings-profile': '/settings/profile',
    'settings-tokens': '/settings/tokens',
    'settings-notifications': '/settings/notifications',
    'settings-users': '/settings/users',
    'settings-retention': '/settings/retention',
    'settings-audit': '/settings/audit',
    'settings-server': '/settings/server',
    nowhere: '/nowhere',
  };
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [width, height] of [
      [1440, 900],
      [390, 844],
    ] as const) {
      const context = await browser.newContext({
        baseURL: server.url,
        colorScheme,
        viewport: { width, height },
      });
      const page = await context.newPage();
      page.on('pageerror', (error) => console.error(`${page.url()}: ${error.message}`));
      await page.request.post('/api/v1/sessions', {
        data: { name: 'admin', password: adminPassword },
      });
      for (const [name, path] of Object.entries(pages)) {
        if (only && !only.includes(name)) continue;
        await open(page, path);
        await page.screenshot({ path: join(values.to, `${name}-${width}-${colorScheme}.png`) });
      }
      await context.close();
    }
  }
  console.log(`Pictures of ${only?.length ?? Object.keys(pages).length} pages are in ${values.to}.`);
} finally {
  await browser.close();
  await server.close();
}

/** @throws Error when what came is not a page of the product, so that no picture of an error counts as one of a page */
async function open(page: Page, path: string): Promise<void> {
  const answer = await page.goto(path);
  if (!answer?.ok()) throw new Error(`${path} was answered with ${answer?.status() ?? 'nothing'}.`);
  await settle(page);
  if ((await page.locator('#app > *').count()) === 0) throw new Error(`${path} shows no page of Daybook.`);
}

/** A page that loads nothing more; streams stay open for as long as it is there, so the network never is idle. */
async function settle(page: Page): Promise<void> {
  await page
    .locator('[role=status][aria-label=Loading]')
    .first()
    .waitFor({ state: 'detached', timeout: 5_000 })
    .catch(() => {});
  await page.waitForTimeout(700);
}
