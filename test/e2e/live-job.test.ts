import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { describeInBrowser, useBrowser } from '../support/browser.ts';
import { submitScript } from '../support/lab.ts';

describeInBrowser('a job that is watched', () => {
  const suite = useBrowser();

  beforeAll(() => {
    // Tells its progress, and the next one once a file is there.
    const text = `#!/bin/bash
for percent in 25 60 90; do
  echo "{\\"daybook\\": {\\"progress\\": 0.$percent}}"
  until [ -e "go.$percent" ]; do sleep 0.05; done
done
`;
    writeFileSync(join(suite.server.folder, 'scripts', 'steps.sh'), text, { mode: 0o755 });
  });

  it('moves its progress on its page and in the list, without a reload', async () => {
    const id = await submitScript(suite.server, 'steps.sh', [], { name: 'In steps' });
    const [page, list] = [await suite.openAs(), await suite.openAs()];
    await page.goto(`/jobs/${id}`);
    await list.goto('/');
    const row = list.getByRole('link', { name: 'In steps' }).locator('..');
    const bar = page.getByRole('progressbar', { name: 'Progress' });
    for (const percent of ['25', '60', '90']) {
      await page.locator(`[role=progressbar][aria-valuenow="${percent}"]`).waitFor();
      await row.getByText(`${percent} %`).waitFor();
      writeFileSync(join(suite.server.folder, 'homedir', `go.${percent}`), '');
    }
    await bar.waitFor({ state: 'detached' });
    await page.getByText('succeeded').first().waitFor();
  });

  it('that was cancelled says by whom and why, on its page and in the list', async () => {
    const id = await submitScript(suite.server, 'ls.sh', [], {
      name: 'Unwanted',
      runAt: '2999-01-01T00:00:00Z',
    });
    const page = await suite.openAs();
    await page.goto(`/jobs/${id}`);
    await page.getByText('queued').first().waitFor();
    const reason = 'wrong input';
    expect((await suite.server.call('POST', `/api/v1/jobs/${id}/cancel`, { reason })).status).toBe(202);
    await page.getByText('Cancelled by admin: wrong input').waitFor();
    await page.goto('/');
    const row = page.getByRole('link', { name: 'Unwanted' }).locator('..');
    await row.getByText('Cancelled by admin: wrong input').waitFor();
  });

  it('is never from the future, however this machine’s clock stands', async () => {
    const page = await suite.openAs();
    // Half a minute behind the server.
    await page.addInitScript(() => {
      const lateMs = 30_000;
      const now = Date.now.bind(Date);
      globalThis.Date = new Proxy(Date, {
        construct: (real, args: number[]) =>
          new real(...((args.length === 0 ? [now() - lateMs] : args) as [number])),
        get: (real, name) => (name === 'now' ? () => now() - lateMs : Reflect.get(real, name)),
      });
    });
    const id = await submitScript(suite.server, 'touch.sh', ['x'], { name: 'Young' });
    await page.goto(`/jobs/${id}`);
    const line = page.getByText(/^submitted /);
    await line.waitFor();
    await page.getByText('succeeded').first().waitFor();
    await expect.poll(() => line.textContent()).not.toMatch(/submitted in /);
  });
});
