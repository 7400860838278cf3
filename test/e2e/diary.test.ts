import { beforeAll, expect, it } from 'vitest';
import { adminPassword } from '../support/admin.ts';
import { describeInBrowser, seriousFindings, useBrowser } from '../support/browser.ts';
import { addLabScripts, submitScript, untilState } from '../support/lab.ts';

describeInBrowser('the first day', () => {
  const suite = useBrowser();

  it('a new server leads from signing in to a job that ran', async () => {
    const page = await suite.open();
    await page.goto('/');
    await page.getByLabel('User').fill('admin');
    await page.getByLabel('Password').fill('not the password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('The user or the password is not right.').waitFor();
    await page.getByLabel('Password').fill(adminPassword);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The diary is empty').waitFor();
    await page.getByRole('button', { name: 'Run a sample' }).click();
    await page.waitForURL(/\/jobs\/\d+$/);
    await page.getByRole('heading', { name: 'My first job' }).waitFor();
    await page.getByText('succeeded').first().waitFor();
  });

  it('an address asked for before signing in is where one comes out, and only one of ours', async () => {
    const page = await suite.open();
    await page.goto('/?q=state:failed');
    await page.getByLabel('User').fill('admin');
    await page.getByLabel('Password').fill(adminPassword);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL(/\/\?q=state:failed$/);

    const other = await suite.open();
    await other.goto('/sign-in?to=//example.com/');
    await other.getByLabel('User').fill('admin');
    await other.getByLabel('Password').fill(adminPassword);
    await other.getByRole('button', { name: 'Sign in' }).click();
    await other.waitForURL((url) => url.pathname === '/' && url.origin === suite.server.url);
  });
});

describeInBrowser('the diary', () => {
  const suite = useBrowser();
  let failed: number[];

  beforeAll(async () => {
    addLabScripts(suite.server);
    const good: number[] = [];
    failed = [];
    for (let section = 1; section <= 60; section += 1) {
      const isBad = section % 6 === 0;
      const id = await submitScript(suite.server, isBad ? 'diverge.sh' : 'measure.sh', [String(section)], {
        name: `Wing section ${section}`,
        project: '3001234',
        tags: ['wing'],
      });
      (isBad ? failed : good).push(id);
    }
    await untilState(suite.server, good, 'succeeded');
    await untilState(suite.server, failed, 'failed');
  });

  it('a filter is typed with completion, shown as chips, and kept in the address', async () => {
    const page = await suite.openAs();
    await page.goto('/');
    const field = page.getByRole('combobox', { name: 'Filter' });
    await field.fill('sta');
    await page.getByRole('option', { name: /state:/ }).waitFor();
    await field.press('Tab');
    await field.pressSequentially('fai');
    await page.getByRole('option', { name: 'failed' }).waitFor();
    await field.press('Tab');
    await page.waitForURL(/\?q=state:failed$/);
    await page.getByRole('link', { name: 'Wing section 60' }).waitFor();
    await page.getByRole('link', { name: 'Wing section 59' }).waitFor({ state: 'detached' });
    expect(await page.getByRole('button', { name: 'Failed' }).getAttribute('aria-pressed')).toBe('true');
    await page.getByRole('button', { name: 'Failed' }).click();
    await page.getByRole('link', { name: 'Wing section 59' }).waitFor();
  });

  it('Tab walks past a field that nobody typed into', async () => {
    const page = await suite.openAs();
    await page.goto('/');
    const field = page.getByRole('combobox', { name: 'Filter' });
    await field.focus();
    await page.getByRole('option').first().waitFor();
    await field.press('Tab');
    expect(await field.inputValue()).toBe('');
    expect(await field.evaluate((element) => element === document.activeElement)).toBe(false);
  });

  it('earlier jobs that cannot be loaded are told of, and loaded when asked again', async () => {
    const page = await suite.openAs();
    await page.goto('/?q=tag:wing');
    await page.getByRole('link', { name: 'Wing section 60' }).waitFor();
    let isAway = true;
    await page.route(/\/api\/v1\/jobs\?.*cursor=/, (route) =>
      isAway
        ? route.fulfill({
            status: 503,
            json: { code: 'database_unavailable', message: 'Away.', details: [] },
          })
        : route.continue(),
    );
    await page.mouse.wheel(0, 5_000);
    await page.getByRole('alert').getByText('Earlier jobs could not be loaded.').waitFor();
    const again = page.getByRole('button', { name: 'Try again' });
    // As long as the page still scrolls, the list asks again by itself.
    await again.scrollIntoViewIfNeeded();
    isAway = false;
    await again.press('Enter');
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await page.mouse.wheel(0, 5_000);
    await page.getByRole('link', { name: 'Wing section 1', exact: true }).waitFor();
  });

  it('a filter that cannot be read says why and leaves the list as it is', async () => {
    const page = await suite.openAs();
    await page.goto('/?q=state:failed');
    await page.getByRole('link', { name: 'Wing section 60' }).waitFor();
    await page.getByRole('combobox', { name: 'Filter' }).fill('state:unheard');
    await page
      .getByRole('alert')
      .getByText(/unheard/)
      .waitFor();
    await page.getByRole('link', { name: 'Wing section 60' }).waitFor();
  });

  it('the way back from a job leads to the same list at the same place', async () => {
    const page = await suite.openAs();
    await page.goto('/?q=tag:wing');
    await page.getByRole('link', { name: 'Wing section 60' }).waitFor();
    await page.mouse.wheel(0, 1200);
    const link = page.getByRole('link', { name: 'Wing section 30', exact: true });
    await link.waitFor();
    await link.scrollIntoViewIfNeeded();
    const before = await page.evaluate(() => window.scrollY);
    expect(before).toBeGreaterThan(300);
    await link.click();
    await page.getByRole('heading', { name: 'Wing section 30' }).waitFor();
    await page.goBack();
    await link.waitFor();
    expect(page.url()).toMatch(/\?q=tag:wing$/);
    await expect.poll(() => page.evaluate(() => window.scrollY)).toBe(before);
  });

  it('j, k and Enter lead to a job without a mouse', async () => {
    const page = await suite.openAs();
    await page.goto('/?q=tag:wing');
    await page.getByRole('link', { name: 'Wing section 60' }).waitFor();
    await page.locator('body').press('j');
    await page.locator('body').press('j');
    await page.locator('body').press('j');
    await page.locator('body').press('k');
    await page.locator('body').press('Enter');
    await page.getByRole('heading', { name: 'Wing section 59' }).waitFor();
  });

  it('a job that somebody else submits and its end appear by themselves', async () => {
    const page = await suite.openAs();
    await page.goto('/');
    await page.getByRole('link', { name: 'Wing section 60' }).waitFor();
    await submitScript(suite.server, 'wait.sh', ['go'], { name: 'Wait for it' });
    const row = page.getByRole('listitem').filter({ hasText: 'Wait for it' });
    await row.getByText('running').filter({ visible: true }).waitFor();
    await suite.server.call('POST', '/api/v1/jobs', {
      kind: 'script',
      input: { script: 'touch.sh', arguments: [['', 'go']] },
    });
    await row.getByText('succeeded').filter({ visible: true }).waitFor();
  });

  it('what one reads is not moved: new jobs wait behind a button', async () => {
    const page = await suite.openAs();
    await page.goto('/?q=tag:wing');
    await page.getByRole('link', { name: 'Wing section 60' }).waitFor();
    await page.mouse.wheel(0, 800);
    await expect.poll(() => page.evaluate(() => window.scrollY)).toBeGreaterThan(300);
    const before = await page.evaluate(() => window.scrollY);
    await submitScript(suite.server, 'measure.sh', ['61'], { name: 'Wing section 61', tags: ['wing'] });
    await page.getByRole('button', { name: '1 new job' }).waitFor();
    expect(await page.evaluate(() => window.scrollY)).toBe(before);
    await page.getByRole('button', { name: '1 new job' }).click();
    await page.getByRole('link', { name: 'Wing section 61' }).waitFor();
  });

  it('one browser sees what another one assesses, without a reload', async () => {
    const [ana, bo] = [await suite.openAs(), await suite.openAs()];
    await ana.goto(`/jobs/${failed[0]}`);
    await bo.goto(`/jobs/${failed[0]}`);
    await bo.getByRole('heading', { name: 'Wing section 6', exact: true }).waitFor();
    await ana.getByRole('button', { name: 'issue' }).click();
    await bo.locator('[aria-pressed=true]', { hasText: 'issue' }).waitFor();
  });

  it('a viewer is shown no forbidden action, and the API refuses it as well', async () => {
    await suite.server.call('POST', '/api/v1/users', {
      name: 'vera',
      role: 'viewer',
      password: 'a long password',
    });
    const page = await suite.openAs('vera', 'a long password');
    await page.goto('/');
    await page
      .getByRole('link', { name: /Wing section/ })
      .first()
      .waitFor();
    expect(await page.getByRole('link', { name: 'Submit' }).count()).toBe(0);
    await page.goto(`/jobs/${failed[0]}`);
    await page.getByRole('heading', { name: 'Wing section 6', exact: true }).waitFor();
    for (const name of ['Retry', 'Cancel', 'More actions', 'Overrule'])
      expect([name, await page.getByRole('button', { name }).count()]).toEqual([name, 0]);
    expect(await page.getByRole('button', { name: 'not ok' }).isDisabled()).toBe(true);
    const refused = await page.request.post(`/api/v1/jobs/${failed[0]}/retry`);
    expect(refused.status()).toBe(403);
  });

  it('its first load is at most 250 kB of compressed scripts and styles', async () => {
    const page = await suite.openAs('admin', adminPassword, { isFirstVisit: true });
    const sizes: Promise<number>[] = [];
    page.on('response', (response) => {
      if (/\.(js|css)$/.test(new URL(response.url()).pathname))
        sizes.push(
          response
            .request()
            .sizes()
            .then(({ responseBodySize }) => responseBodySize),
        );
    });
    await page.goto('/');
    await page.getByRole('link', { name: 'Wing section 60' }).waitFor();
    const loaded = await Promise.all(sizes);
    expect(loaded.length).toBeGreaterThan(2);
    expect(loaded.reduce((sum, size) => sum + size, 0)).toBeLessThan(250_000);
  });

  it('axe-core finds nothing serious, light and dark, wide and narrow', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1440, 390]) {
        const page = await suite.openAs('admin', adminPassword, {
          colorScheme,
          viewport: { width, height: 900 },
        });
        for (const path of ['/', `/jobs/${failed[0]}`]) {
          await page.goto(path);
          await page
            .getByText(/Wing section/)
            .first()
            .waitFor();
          expect(await seriousFindings(page), `${path} ${colorScheme} ${width}`).toEqual([]);
        }
        expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(
          true,
        );
      }
    }
  });
});
