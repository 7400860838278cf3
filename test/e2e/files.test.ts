import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { describeInBrowser, seriousFindings, useBrowser } from '../support/browser.ts';

/** As a person drops them: the browser's own events, with the files in them. */
async function drop(page: Page, files: readonly { name: string; text: string }[]): Promise<void> {
  const data = await page.evaluateHandle((given) => {
    const transfer = new DataTransfer();
    for (const { name, text } of given) transfer.items.add(new File([text], name));
    return transfer;
  }, files);
  const zone = page.locator('[data-drop]');
  await zone.dispatchEvent('dragover', { dataTransfer: data });
  await zone.dispatchEvent('drop', { dataTransfer: data });
}

describeInBrowser('files of a job', () => {
  const suite = useBrowser({ DAYBOOK_FILE_LIMIT: '100KiB' });

  it('are dropped on the form, reach the program, and what it makes is looked at and saved', async () => {
    const squares = `#!/bin/bash
while read n; do echo $((n * n)); done < "$DAYBOOK_INPUT_DIR/numbers.txt" > "$DAYBOOK_OUTPUT_DIR/squares.csv"
ln -s /etc/passwd "$DAYBOOK_OUTPUT_DIR/link"
printf '<script>document.title = "taken"</script>' > "$DAYBOOK_OUTPUT_DIR/evil.html"
`;
    writeFileSync(join(suite.server.folder, 'scripts', 'squares.sh'), squares, { mode: 0o755 });
    const page = await suite.openAs();
    await page.goto('/submit/script?input.script=squares.sh');
    await drop(page, [
      { name: 'numbers.txt', text: '3\n4\n' },
      { name: 'more.txt', text: 'more' },
      { name: 'large.bin', text: 'x'.repeat(100 * 1024 + 1) },
    ]);
    const list = page.getByRole('list', { name: 'Files of the job' });
    await list.getByText(/^large.bin: The file is larger than 100 KiB/).waitFor();
    await page.getByRole('button', { name: 'Remove numbers.txt' }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await drop(page, [{ name: 'numbers.txt', text: 'again' }]);
    await list.getByText('numbers.txt: numbers.txt is there twice').waitFor();
    await page.getByRole('button', { name: 'Dismiss numbers.txt' }).click();
    await page.getByRole('button', { name: 'Dismiss large.bin' }).click();
    await page.getByRole('button', { name: 'Remove more.txt' }).click();
    await expect
      .poll(() => page.getByLabel('What is sent').innerText())
      .toMatch(/"files": \[\s*\{[^}]*"name": "numbers.txt"/);

    await page.getByRole('button', { name: 'Submit' }).click();
    await page.waitForURL(/\/jobs\/\d+$/);
    await page
      .getByRole('tab', { name: 'Files' })
      .or(page.getByRole('link', { name: 'Files', exact: true }))
      .click();
    await page.getByText('Made by attempt 1').waitFor();
    await page.getByText('link: a link').waitFor();
    await page.getByRole('button', { name: 'Show squares.csv' }).click();
    await expect.poll(() => page.getByLabel('Text of squares.csv').innerText()).toBe('9\n16\n');
    expect(await page.getByRole('button', { name: 'Show evil.html' }).count()).toBe(0);
    expect(await seriousFindings(page)).toEqual([]);
    for (const [name, text] of [
      ['squares.csv', '9\n16\n'],
      ['evil.html', '<script>document.title = "taken"</script>'],
    ] as const) {
      const [saved] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: `Save ${name}` }).click(),
      ]);
      expect(saved.suggestedFilename()).toBe(name);
      expect(readFileSync(await saved.path(), 'utf8')).toBe(text);
    }

    const id = /\/jobs\/(\d+)/.exec(page.url())?.[1];
    await page.goto(`/submit/script?again=${id}`);
    await page.getByRole('button', { name: 'Remove numbers.txt' }).waitFor();
  });

  it('are chosen by the keyboard, too, and a job that made none says how it could', async () => {
    writeFileSync(join(suite.server.folder, 'scripts', 'quiet.sh'), '#!/bin/sh\n', { mode: 0o755 });
    const page = await suite.openAs('admin', undefined, { viewport: { width: 390, height: 844 } });
    await page.goto('/submit/script?input.script=quiet.sh');
    const choose = page.getByRole('button', { name: 'Choose files' });
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser', { timeout: 5_000 }),
      choose.press('Enter'),
    ]);
    await chooser.setFiles([{ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('a') }]);
    await page.getByRole('button', { name: 'Remove a.txt' }).click();
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.waitForURL(/\/jobs\/\d+$/);
    await page.goto(`${page.url()}/files`);
    await page.getByText('$DAYBOOK_OUTPUT_DIR').waitFor();
    const tooWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    expect(tooWide).toBe(false);
  });
});
