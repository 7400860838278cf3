import { expect, it } from 'vitest';
import { describeInBrowser, seriousFindings, useBrowser } from '../support/browser.ts';
import { fillLab } from '../support/filled-lab.ts';

describeInBrowser('every page', () => {
  const suite = useBrowser({ DAYBOOK_URL_ALLOW: '127.0.0.0/8' });

  it(
    'has no serious finding of axe-core, light and dark, wide and narrow, and never scrolls sideways',
    { timeout: 240_000 },
    async () => {
      const { measured, failed, running, waiting, tested, testedList } = await fillLab(suite.server);
      const paths = [
        '/',
        `/jobs/${measured}`,
        `/jobs/${running}/output`,
        `/jobs/${measured}/result`,
        `/jobs/${measured}/files`,
        `/jobs/${failed}/attempts`,
        `/jobs/${failed}/history`,
        `/jobs/${waiting}/waiting`,
        '/inbox',
        '/submit/script',
        '/schedules',
        '/schedules/watch-mesh',
        '/schedules/watch-mesh/edit',
        '/urls',
        '/urls/status',
        '/submit/url',
        `/jobs/${tested}/result`,
        `/jobs/${testedList}/result`,
        '/queues',
        '/failures',
        '/charts',
        '/settings/profile',
        '/settings/tokens',
        '/settings/notifications',
        '/settings/users',
        '/settings/retention',
        '/settings/audit',
        '/settings/server',
        '/nowhere',
      ];
      const findings: string[] = [];
      const page = await suite.openAs();
      for (const path of paths) {
        await page.goto(path);
        await page.getByRole('heading', { level: 1 }).waitFor({ state: 'attached' });
        await page.locator('[role=status][aria-label=Loading]').first().waitFor({ state: 'detached' });
        for (const width of [1440, 390]) {
          await page.setViewportSize({ width, height: 900 });
          for (const colorScheme of ['light', 'dark'] as const) {
            await page.emulateMedia({ colorScheme });
            await page.locator(colorScheme === 'dark' ? 'html.dark' : 'html:not(.dark)').waitFor();
            const where = `${path} ${colorScheme} ${width}`;
            // What is no matter of colours is the same in the dark: looked for once, on the wide page.
            const isAll = colorScheme === 'light' || width === 1440;
            const found = await seriousFindings(page, isAll ? 'all' : 'colours');
            findings.push(...found.map((finding) => `${where}: ${finding}`));
            const overflow = await page.evaluate(
              () => document.documentElement.scrollWidth - window.innerWidth,
            );
            if (overflow > 0) findings.push(`${where}: ${overflow} pixels wider than the window`);
          }
        }
      }
      expect(findings).toEqual([]);
    },
  );
});
