import type { Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { adminPassword } from '../support/admin.ts';
import { describeInBrowser, useBrowser } from '../support/browser.ts';
import { addLabScripts, submitScript, untilState } from '../support/lab.ts';

const host = 'daybook.test';
/** Browsers open six connections to a server over HTTP/1.1, for all tabs together. */
const count = 7;

/** Plain http, as in many laboratories: without HTTP/2, and without what browsers keep for secure pages. */
describeInBrowser('more tabs than a browser has connections', () => {
  const suite = useBrowser({ DAYBOOK_PUBLIC_URL: `http://${host}` }, { host });

  beforeAll(() => addLabScripts(suite.server));

  async function signIn(page: Page): Promise<void> {
    await page.goto('/');
    await page.getByLabel('User').fill('admin');
    await page.getByLabel('Password').fill(adminPassword);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('combobox', { name: 'Filter' }).waitFor();
  }

  async function openTabs(prepare: (page: Page) => Promise<unknown> = async () => {}): Promise<Page[]> {
    const first = await suite.open();
    await signIn(first);
    const tabs = [first];
    while (tabs.length < count) tabs.push(await first.context().newPage());
    for (const tab of tabs) {
      await prepare(tab);
      await tab.goto('/');
      await tab.getByRole('combobox', { name: 'Filter' }).waitFor();
    }
    return tabs;
  }

  async function expectAllLive(tabs: readonly Page[], name: string): Promise<void> {
    const id = await submitScript(suite.server, 'measure.sh', ['1'], { name });
    for (const tab of tabs) {
      await tab.getByRole('link', { name }).first().waitFor();
      expect(await tab.getByText('The server cannot be reached').count()).toBe(0);
    }
    await untilState(suite.server, [id], 'succeeded');
  }

  it('all load and all hear what happens, also when some are closed', async () => {
    const tabs = await openTabs();
    await expectAllLive(tabs, 'Heard by all');
    await tabs[0]?.close();
    await tabs[3]?.close();
    await expectAllLive(
      tabs.filter((tab) => !tab.isClosed()),
      'Heard by the others',
    );
  });

  it('in a browser without shared workers one of them listens for all, and another when it is closed', async () => {
    const tabs = await openTabs((tab) =>
      tab.addInitScript(() => Reflect.deleteProperty(globalThis, 'SharedWorker')),
    );
    await expectAllLive(tabs, 'Passed on to all');
    await tabs[0]?.close();
    await expectAllLive(tabs.slice(1), 'Passed on by the next');
  });

  it('a tab that was signed out and in again hears on', async () => {
    const tabs = await openTabs();
    const [first, second] = tabs;
    if (!first || !second) throw new Error('no tabs');
    await first.getByRole('button', { name: /admin/i }).click();
    await first.getByRole('menuitem', { name: 'Sign out' }).click();
    // Whoever goes elsewhere at once may stop the sign-out before the server or the other tabs have heard of it.
    await first.waitForURL(/\/sign-in/);
    await signIn(first);
    // Signing out emptied them, too.
    for (const tab of tabs.slice(1)) {
      await tab.waitForURL(/\/sign-in/);
      await tab.goto('/');
    }
    await expectAllLive(tabs, 'Heard again');
  });
});
