import type { Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { adminPassword } from '../support/admin.ts';
import { describeInBrowser, seriousFindings, useBrowser } from '../support/browser.ts';
import { addLabScripts, submitScript, untilState } from '../support/lab.ts';

const host = 'daybook.test';

/** How laboratories often have it: a name of their own, no certificate. Browsers keep a part of what they can from such pages. */
describeInBrowser('plain http under a name', () => {
  const suite = useBrowser({ DAYBOOK_PUBLIC_URL: `http://${host}` }, { host });

  beforeAll(() => addLabScripts(suite.server));

  async function signIn(): Promise<Page> {
    const page = await suite.open();
    await page.goto('/');
    await page.getByLabel('User').fill('admin');
    await page.getByLabel('Password').fill(adminPassword);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('link', { name: 'Diary' }).first().waitFor();
    expect(await page.evaluate(() => window.isSecureContext)).toBe(false);
    return page;
  }

  /** What a person finds in the clipboard: the page itself may not look. */
  async function paste(page: Page): Promise<string> {
    await page.goto('/');
    const field = page.getByRole('combobox', { name: 'Filter' });
    await field.fill('');
    await field.press('ControlOrMeta+v');
    return field.inputValue();
  }

  it('submits, and hears of what becomes of it', async () => {
    const page = await signIn();
    await page.goto('/submit');
    await page.getByRole('combobox', { name: 'Script' }).fill('measure');
    await page.getByRole('option', { name: 'measure.sh' }).click();
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page.waitForURL(/\/jobs\/\d+/);
    await page.getByText('succeeded').first().waitFor();
  });

  it('says why a browser does not tell of jobs there, and offers no switch', async () => {
    const page = await signIn();
    await page.goto('/settings/notifications');
    const choice = page.getByRole('switch', { name: 'Tell of my jobs that ended while I look elsewhere' });
    await page.getByText('Browsers do this only for pages that come by https, or from localhost.').waitFor();
    expect(await choice.isDisabled()).toBe(true);
    expect(await choice.isChecked()).toBe(false);
    expect(await seriousFindings(page)).toEqual([]);
  });

  it('copies the address of a job, and a new token', async () => {
    const id = await submitScript(suite.server, 'measure.sh', ['1']);
    await untilState(suite.server, [id], 'succeeded');
    const page = await signIn();
    await page.goto(`/jobs/${id}`);
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('menuitem', { name: 'Copy the address' }).click();
    expect(await paste(page)).toBe(`http://${host}/jobs/${id}`);

    await page.goto('/settings/tokens');
    await page.getByRole('button', { name: 'New token' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('What it is for').fill('a script');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.getByRole('button', { name: 'Copy' }).click();
    await dialog.getByRole('button', { name: 'Copied' }).waitFor();
    const secret = await dialog.getByRole('textbox').inputValue();
    expect(await paste(page)).toBe(secret);
  });
});
