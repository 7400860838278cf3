import { expect, it } from 'vitest';
import { adminPassword } from '../support/admin.ts';
import { describeInBrowser, useBrowser } from '../support/browser.ts';
import { submitScript } from '../support/lab.ts';

describeInBrowser('signing in and out', () => {
  const suite = useBrowser();

  it('who signs out in one tab leaves nothing on screen in the others', async () => {
    const id = await submitScript(suite.server, 'ls.sh', [], { name: 'Not for the next one' });
    const page = await suite.openAs();
    const other = await page.context().newPage();
    await other.goto('/');
    await other.getByRole('link', { name: 'Not for the next one' }).waitFor();
    await page.goto(`/jobs/${id}`);
    await page.getByRole('button', { name: /admin/i }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    for (const tab of [page, other]) {
      await tab.waitForURL(/\/sign-in/);
      await tab.getByRole('button', { name: 'Sign in' }).waitFor();
      expect(await tab.getByText('Not for the next one').count()).toBe(0);
    }
  });

  it('a session that only ended keeps what is on the screen', async () => {
    const page = await suite.openAs();
    await page.goto('/');
    await page.getByRole('link', { name: 'Not for the next one' }).waitFor();
    await page.context().clearCookies();
    await page.getByRole('link', { name: 'Not for the next one' }).click();
    await page.getByRole('dialog', { name: 'Your session has ended' }).waitFor();
  });

  it('where a header of a proxy hides the session, that is said at the form', async () => {
    const page = await suite.open({ extraHTTPHeaders: { authorization: 'Basic bGFiOmxhYg==' } });
    await page.goto('/sign-in');
    await page.getByLabel('User').fill('admin');
    await page.getByLabel('Password').fill(adminPassword);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('proxy_set_header Authorization').waitFor();
  });
});
