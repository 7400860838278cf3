import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, it } from 'vitest';
import { describeInBrowser, useBrowser } from '../support/browser.ts';
import { addKind, copyCheckout, type Checkout } from '../support/checkout.ts';

describeInBrowser('a kind that was just added', () => {
  let checkout: Checkout;
  beforeAll(() => {
    checkout = copyCheckout();
    addKind(checkout, 'checksum');
  });
  const suite = useBrowser({}, { checkout: () => checkout.folder });
  afterAll(() => checkout.remove());

  it('has a form on the page that was built before, and its result is shown', async () => {
    writeFileSync(join(suite.server.folder, 'homedir/a.txt'), 'a');
    const page = await suite.openAs();
    await page.goto('/submit');
    await page.getByRole('navigation', { name: 'Kinds' }).getByRole('link', { name: 'Checksum' }).click();
    await page.getByText('Makes digests of files in the home directory.').waitFor();
    const paths = page.getByRole('textbox', { name: 'Paths' });
    await paths.fill('../a.txt');
    await paths.press('Enter');
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page.getByText('Paths 1: expected a path within the home directory').waitFor();
    // What takes it out of the list.
    await page.getByRole('button', { name: '../a.txt' }).click();
    await paths.fill('a.txt');
    await paths.press('Enter');
    await page.getByRole('combobox', { name: 'Algorithm' }).click();
    await page.getByRole('option', { name: 'md5' }).click();
    await page.getByRole('button', { name: 'CLI' }).click();
    const line = `daybook submit --kind checksum --input '{"algorithm":"md5","paths":["a.txt"]}'`;
    await page.getByLabel('What is sent').filter({ hasText: line }).waitFor();
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page.waitForURL('**/jobs/*');
    await page.getByRole('link', { name: 'Result' }).click();
    await page.getByText(createHash('md5').update('a').digest('hex')).first().waitFor();
  });
});
