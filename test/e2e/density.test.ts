import { beforeAll, expect, it } from 'vitest';
import { describeInBrowser, seriousFindings, useBrowser } from '../support/browser.ts';
import { addLabScripts, submitScript, untilState } from '../support/lab.ts';

describeInBrowser('the rows of the diary', () => {
  const suite = useBrowser();

  beforeAll(() => addLabScripts(suite.server));

  it('stand closer together when somebody wants that, also after a reload and on a phone', async () => {
    const ids = [
      await submitScript(suite.server, 'measure.sh', ['1'], { name: 'First' }),
      await submitScript(suite.server, 'measure.sh', ['2'], { name: 'Second' }),
    ];
    await untilState(suite.server, ids, 'succeeded');
    const page = await suite.openAs();
    await page.goto('/');
    const rows = page.getByRole('list', { name: 'Jobs' }).getByRole('listitem');
    await rows.nth(1).waitFor();
    const distance = async (): Promise<number> => {
      const [first, second] = [await rows.nth(0).boundingBox(), await rows.nth(1).boundingBox()];
      return Math.round((second?.y ?? 0) - (first?.y ?? 0));
    };
    expect(await distance()).toBe(44);
    await page.getByRole('button', { name: 'Columns and export' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Compact rows' }).click();
    await expect.poll(distance).toBe(32);
    await page.reload();
    await rows.nth(1).waitFor();
    expect(await distance()).toBe(32);
    await page.setViewportSize({ width: 390, height: 800 });
    await expect.poll(distance).toBe(52);
    expect(await seriousFindings(page)).toEqual([]);
    await page.goto('/settings/appearance');
    await page.getByRole('radio', { name: 'Comfortable' }).click();
    await page.goto('/');
    await rows.nth(1).waitFor();
    await expect.poll(distance).toBe(64);
  });
});
