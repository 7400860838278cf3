import { beforeAll, expect, it } from 'vitest';
import { describeInBrowser, seriousFindings, useBrowser } from '../support/browser.ts';
import { pollUntil } from '../support/poll.ts';
import { addLabScripts, submitScript, untilState } from '../support/lab.ts';

describeInBrowser('the usual time', () => {
  const suite = useBrowser();

  beforeAll(() => addLabScripts(suite.server));

  it(
    'is told of ended jobs, and of one that runs much longer than those before it',
    { timeout: 90_000 },
    async () => {
      const name = 'Wing section, daily';
      const ids: number[] = [];
      for (let run = 0; run < 5; run += 1) {
        const id = await submitScript(suite.server, 'measure.sh', ['1', '3'], { name });
        await untilState(suite.server, [id], 'succeeded');
        ids.push(id);
      }
      const slow = await submitScript(suite.server, 'wait.sh', ['never'], { name });
      await untilState(suite.server, [slow], 'running');
      await pollUntil(
        async () =>
          (await suite.server.call('GET', `/api/v1/jobs/${slow}`)).json<{ usual: { runs: number } | null }>()
            .usual,
        (usual) => usual?.runs === 5,
      );
      const page = await suite.openAs();
      await page.goto(`/jobs/${slow}`);
      await page.getByText(/^slower than usual \(usually [\d.]+ m?s\)$/).waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await page.goto(`/jobs/${ids[2]}`);
      await page.getByText('Usually', { exact: true }).waitFor();
      // One word, one figure: the header's and the panel's.
      const header = await page.getByText(/^ran [\d.]+ m?s$/).innerText();
      const panel = page.getByText('Ran', { exact: true }).locator('xpath=following-sibling::dd[1]');
      expect(`ran ${await panel.innerText()}`).toBe(header);
      await suite.server.call('POST', `/api/v1/jobs/${slow}/cancel`);
    },
  );
});
