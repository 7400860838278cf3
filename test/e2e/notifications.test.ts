import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeInBrowser, seriousFindings, useBrowser } from '../support/browser.ts';
import { addLabScripts, submitScript, untilState } from '../support/lab.ts';
import { pollUntil } from '../support/poll.ts';
import { startMailServer, startReceiver } from '../support/receivers.ts';
import { there } from '../support/there.ts';

const mail = await startMailServer();

describeInBrowser('notifications', () => {
  const suite = useBrowser({ DAYBOOK_SMTP_URL: mail.url });
  let hook: Awaited<ReturnType<typeof startReceiver>>;

  beforeAll(async () => {
    hook = await startReceiver();
    addLabScripts(suite.server);
  });
  afterAll(() => Promise.all([mail.close(), hook.close()]));

  it(
    'are asked for by form with a preview, tried, sent, listed, unsubscribed from, paused and removed',
    { timeout: 90_000 },
    async () => {
      const page = await suite.openAs();
      await page.goto('/settings/notifications');
      await page.getByText('There is no rule: nobody is told of anything.').waitFor();
      await page.getByRole('button', { name: 'New rule' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Name').fill('Broken wings');
      await dialog.getByRole('button', { name: 'failed', exact: true }).click();
      for (const name of ['first failure', 'recovered']) await dialog.getByRole('button', { name }).click();
      expect(await dialog.getByLabel('Stuck after so many silent minutes').count()).toBe(0);
      const preview = dialog.getByRole('region', { name: 'Preview' });
      await preview.getByText('[Daybook] an example, since no job fits the filter yet: failed').waitFor();
      await dialog.getByText('Subject and text').click();
      await dialog.getByLabel('Subject').fill('{{job.colour}}');
      await dialog.getByText('nobody knows {{job.colour}}').waitFor();
      await dialog.getByLabel('Subject').fill('Look: {{job.name}} {{event}}');
      await preview.getByText(/^Look: .*failed$/).waitFor();
      const addresses = dialog.getByRole('textbox', { name: 'Addresses' });
      await addresses.fill('nowhere');
      await addresses.press('Enter');
      expect(await seriousFindings(page)).toEqual([]);
      await dialog.getByRole('button', { name: 'Make the rule' }).click();
      await dialog.getByText('expected an e-mail address').waitFor();
      await addresses.press('Backspace');
      await addresses.press('Backspace');
      await addresses.fill('ana@lab.example');
      await addresses.press('Enter');
      await dialog.getByRole('button', { name: 'Make the rule' }).click();
      await dialog.waitFor({ state: 'detached' });

      const rule = page.getByRole('list', { name: 'Rules' }).getByRole('listitem').first();
      await rule.getByText(/^Failed.*ana@lab\.example$/s).waitFor();
      await page.getByRole('button', { name: 'Send a test of Broken wings' }).click();
      const answers = page.getByRole('list', { name: 'Answers to the test of Broken wings' });
      await answers.getByText(/^Test: Look:/).waitFor();
      await answers.getByText(/^sent: 250/).waitFor();
      expect(mail.mails).toHaveLength(1);

      const job = await submitScript(suite.server, 'diverge.sh', ['7'], { name: 'Wing 7' });
      await untilState(suite.server, [job], 'failed');
      const text = await pollUntil(
        async () => mail.mails.map((one) => one.text).find((one) => one.includes('Look: Wing 7 failed')),
        (found) => found !== undefined,
        { deadlineMs: 30_000 },
      );
      await page.getByText('What it sent').click();
      const deliveries = page.getByRole('list', { name: 'Deliveries of Broken wings' });
      await deliveries.getByText('Look: Wing 7 failed').waitFor();
      expect(await seriousFindings(page)).toEqual([]);

      const link = new URL(
        /^List-Unsubscribe: *<([^>]+)>/m.exec(text?.replaceAll(/\r\n[ \t]+/g, '') ?? '')?.[1] ?? '',
      );
      const stranger = await suite.open();
      await stranger.goto(link.pathname + link.search);
      await stranger.getByText('ana@lab.example gets no more mail of “Broken wings”.').waitFor();
      expect(await seriousFindings(stranger)).toEqual([]);
      await stranger.getByRole('button', { name: 'No more of these' }).click();
      await stranger.getByText('Done: no more of these.').waitFor();
      const before = mail.mails.length;
      await page.getByRole('button', { name: 'Send a test of Broken wings' }).click();
      await page.getByText('Nothing was sent: all receivers have unsubscribed.').waitFor();
      expect(mail.mails).toHaveLength(before);

      await page.getByRole('button', { name: 'More for Broken wings' }).click();
      await page.getByRole('menuitem', { name: 'Pause' }).click();
      await rule.getByText('paused', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'More for Broken wings' }).click();
      await page.getByRole('menuitem', { name: 'Remove …' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
      await page.getByText('There is no rule: nobody is told of anything.').waitFor();
    },
  );

  it('by web hook show the key and what was answered, and are changed in place', async () => {
    hook.status = 500;
    const page = await suite.openAs();
    const channel = { type: 'webhook', url: hook.url };
    const made = await suite.server.call('POST', '/api/v1/notification-rules', {
      name: 'Hook',
      events: ['disk_low'],
      channel,
    });
    expect(made.status).toBe(201);
    await page.goto('/settings/notifications');
    await page.getByRole('button', { name: 'Send a test of Hook' }).click();
    const answers = page.getByRole('list', { name: 'Answers to the test of Hook' });
    await answers.getByText(/^to be tried again: 500/).waitFor();
    await page.getByText('What it sent').click();
    await page.getByText(made.json<{ signingKey: string }>().signingKey).waitFor();
    await page.getByRole('button', { name: 'More for Hook' }).click();
    await page.getByRole('menuitem', { name: 'Edit …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Disk low below so many GiB').fill('20');
    await dialog.getByLabel('Name').fill('Full disk');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Full disk', { exact: true }).waitFor();
    const { items } = (await suite.server.call('GET', '/api/v1/notification-rules')).json<{
      items: { name: string }[];
    }>();
    expect(items).toMatchObject([{ name: 'Full disk', diskBelowGib: 20, channel, paused: false }]);
  });

  it('offer a member e-mail alone', async () => {
    await suite.server.call('POST', '/api/v1/users', {
      name: 'ana',
      role: 'member',
      password: 'a long password',
    });
    const page = await suite.openAs('ana', 'a long password');
    await page.goto('/settings/notifications');
    await page.getByRole('button', { name: 'New rule' }).click();
    const channels = page.getByRole('dialog').getByRole('group', { name: 'How' }).getByRole('button');
    await channels.first().waitFor();
    expect(await channels.allTextContents()).toEqual(['E-mail']);
  });

  it('of the browser tell of one’s own jobs that ended while nobody looked, and open them', async () => {
    const page = await suite.openAs();
    await page.context().grantPermissions(['notifications'], { origin: suite.server.url });
    await page.addInitScript(() => {
      const Original = window.Notification;
      const kept: Notification[] = [];
      Object.assign(window, { kept });
      window.Notification = class extends Original {
        constructor(title: string, options?: NotificationOptions) {
          super(title, options);
          kept.push(this);
        }
      };
    });
    const titles = (): Promise<string[]> =>
      page.evaluate(() => (window as unknown as { kept: Notification[] }).kept.map(({ title }) => title));
    const hide = (hidden: boolean): Promise<void> =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
      }, hidden);

    await page.goto('/settings/notifications');
    await page.getByRole('switch', { name: 'Tell of my jobs that ended while I look elsewhere' }).click();
    await page.getByRole('link', { name: 'Diary' }).first().click();
    const seen = await submitScript(suite.server, 'measure.sh', ['1'], { name: 'Seen' });
    await untilState(suite.server, [seen], 'succeeded');
    const row = page
      .getByRole('listitem')
      .filter({ has: page.getByRole('link', { name: 'Seen', exact: true }) });
    await row.getByText('succeeded').filter({ visible: true }).waitFor();

    await hide(true);
    const first = await submitScript(suite.server, 'measure.sh', ['2'], { name: 'Unseen' });
    await submitScript(suite.server, 'diverge.sh', ['3'], { name: 'Broken' });
    await pollUntil(titles, (found) => found.length >= 3, { deadlineMs: 20_000 });
    expect((await titles()).toSorted()).toEqual(['Broken: failed', 'Daybook', 'Unseen: succeeded']);
    await page.evaluate(() =>
      (window as unknown as { kept: Notification[] }).kept
        .find(({ title }) => title.startsWith('Unseen'))
        ?.dispatchEvent(new Event('click')),
    );
    await page.waitForURL(`**/jobs/${first}`);
  });

  describe('of a browser that was told not to', () => {
    const choiceOf = (page: Page): Locator =>
      page.getByRole('switch', { name: 'Tell of my jobs that ended while I look elsewhere' });
    /** Sets what one sets beside the address; lasts as long as the browser. */
    const permissionOf = async (
      page: Page,
    ): Promise<(setting: 'denied' | 'granted' | 'prompt') => Promise<void>> => {
      const { targetInfo } = await (await page.context().newCDPSession(page)).send('Target.getTargetInfo');
      const browser = await there(page.context().browser()).newBrowserCDPSession();
      return async (setting) => {
        await browser.send('Browser.setPermission', {
          permission: { name: 'notifications' },
          setting,
          origin: suite.server.url,
          browserContextId: there(targetInfo.browserContextId),
        });
      };
    };

    it('cannot be switched on, says why, and follows when it is allowed after all', async () => {
      const page = await suite.openAs();
      const setPermission = await permissionOf(page);
      await setPermission('denied');
      await page.goto('/settings/notifications');
      const choice = choiceOf(page);
      await page.getByText('This browser was told not to; allow it beside the address.').waitFor();
      expect(await choice.isDisabled()).toBe(true);
      expect(await choice.isChecked()).toBe(false);
      expect(await seriousFindings(page)).toEqual([]);

      await setPermission('granted');
      await page.getByText('As long as a page of Daybook is open. Kept in this browser.').waitFor();
      expect(await choice.isChecked()).toBe(false);
      await choice.click();
      await expect.poll(() => choice.isChecked()).toBe(true);

      await setPermission('denied');
      await page.getByText('This browser was told not to; allow it beside the address.').waitFor();
      expect(await choice.isChecked()).toBe(false);
      await setPermission('granted');
      await expect.poll(() => choice.isChecked()).toBe(true);
    });

    it('says so when its question was closed unanswered, and may be asked again', async () => {
      const page = await suite.openAs();
      await (
        await permissionOf(page)
      )('prompt');
      // Nobody can close the question of a browser without a window.
      await page.addInitScript(() => {
        Notification.requestPermission = async () => 'default';
      });
      await page.goto('/settings/notifications');
      const choice = choiceOf(page);
      await page.getByText('As long as a page of Daybook is open. Kept in this browser.').waitFor();
      await choice.click();
      await page.getByText('The browser asked whether it may, and got no answer.').waitFor();
      expect(await choice.isChecked()).toBe(false);
      expect(await choice.isDisabled()).toBe(false);
      expect(await page.evaluate(() => localStorage.getItem('daybook-tell-ended'))).not.toBe('true');
    });
  });
});
