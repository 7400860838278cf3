import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { JobPart } from '../../src/contract/part.ts';
import type { UrlTest } from '../../src/kinds/url/contract/url-test.ts';
import { describeInBrowser, useBrowser } from '../support/browser.ts';
import { untilState } from '../support/lab.ts';
import { pollUntil } from '../support/poll.ts';
import { listen, type Site } from '../support/urls/sites.ts';

describeInBrowser('URL tests', () => {
  const suite = useBrowser({ DAYBOOK_URL_ALLOW: '127.0.0.0/8' });
  let site: Site;
  let base: string;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;

  beforeAll(async () => {
    site = await listen(createServer((request, response) => answer(request, response)));
    base = `http://127.0.0.1:${site.port}`;
  });
  beforeEach(() => {
    answer = (_request, response) => response.end('fine');
  });
  afterAll(() => site.close());

  const submit = async (urls: readonly string[]): Promise<number> => {
    const body = { kind: 'url', input: { urls, tries: 1 } };
    const { id } = (await suite.server.call('POST', '/api/v1/jobs', body)).json<{ id: number }>();
    await untilState(suite.server, [id], 'succeeded', 'failed');
    return id;
  };
  const factsOf = async (id: number): Promise<UrlTest> =>
    (await suite.server.call('GET', `/api/v1/jobs/${id}/parts`)).json<{
      items: (JobPart & { facts: UrlTest })[];
    }>().items[0]?.facts as UrlTest;

  it('begin by the field, appear by themselves, and tell where the time went', async () => {
    answer = (request, response) => {
      if (request.url === '/') response.writeHead(302, { location: '/there' }).end();
      else setTimeout(() => response.end('slowly'), 120);
    };
    const page = await suite.openAs();
    await page.goto('/urls');
    const field = page.getByRole('textbox', { name: 'URLs to test' });
    await field.fill('two words');
    await page.getByRole('button', { name: 'Test', exact: true }).click();
    await page.getByText('URL 1: "two words" is not a URL.').waitFor();
    await field.fill(`127.0.0.1:${site.port}`);
    await page.getByRole('button', { name: 'Test', exact: true }).click();
    const row = page
      .getByRole('list', { name: 'Tests' })
      .getByRole('listitem')
      .filter({ hasText: `${base}/` });
    await row.getByText('200 OK').waitFor();
    await row.getByRole('link', { name: /^Job \d+$/ }).click();
    await page.waitForURL('**/jobs/*/result');

    const facts = await factsOf(Number(new URL(page.url()).pathname.split('/')[2]));
    const cells = page.getByRole('table', { name: 'Waterfall' }).getByRole('cell');
    await cells.first().waitFor({ state: 'attached' });
    const numbers = (await cells.allInnerTexts()).map(Number);
    const perHop = numbers.length / 2;
    expect(facts.hops.map(({ status }) => status)).toEqual([302, 200]);
    for (const [index, { phases }] of facts.hops.entries()) {
      const shown = numbers.slice(index * perHop, (index + 1) * perHop);
      const told = Object.values(phases).filter((ms) => ms !== null);
      expect(shown.slice(0, -1).filter(Number.isFinite)).toEqual(told);
      expect(shown.at(-1)).toBeCloseTo(
        told.reduce((sum, ms) => sum + ms, 0),
        2,
      );
    }
    const hops = page.getByRole('list', { name: 'Hops' }).getByRole('listitem');
    await hops.first().getByText(`${base}/there`).waitFor();
    expect(await hops.last().innerText()).toMatch(/loopback, allowed by 127\.0\.0\.0\/8/);
  });

  it('take what was typed along to the form with all options', async () => {
    const page = await suite.openAs();
    await page.goto('/urls');
    await page.getByRole('textbox', { name: 'URLs to test' }).fill(`${base}/a`);
    await page.getByRole('link', { name: 'More options' }).click();
    await page.waitForURL('**/submit/url?**');
    const urls = page.getByRole('textbox', { name: 'URLs', exact: true });
    expect(await urls.inputValue()).toBe(`${base}/a`);
    // What holds where nothing is said.
    expect(await page.getByRole('textbox', { name: 'Status' }).getAttribute('placeholder')).toBe('200-399');
    await urls.fill(`${base}/a\n${base}/b`);
    await page.getByRole('textbox', { name: 'Status' }).fill('204');
    answer = (_request, response) => response.writeHead(204).end();
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.waitForURL(/\/jobs\/\d+$/);
    const id = Number(new URL(page.url()).pathname.split('/').at(-1));
    await untilState(suite.server, [id], 'succeeded');
    const { input } = (await suite.server.call('GET', `/api/v1/jobs/${id}`)).json<{ input: object }>();
    expect(input).toMatchObject({ urls: [`${base}/a`, `${base}/b`], expect: { status: '204' } });
  });

  it('come from a text file that is dropped on the form, line by line, after those that were typed', async () => {
    const page = await suite.openAs();
    await page.goto('/submit/url');
    const urls = page.getByRole('textbox', { name: 'URLs', exact: true });
    await urls.fill(`${base}/typed`);
    const drop = (files: Record<string, string>, text: string): Promise<void> =>
      urls.evaluate(
        (field, given) => {
          const dataTransfer = new DataTransfer();
          for (const [name, content] of Object.entries(given.files))
            dataTransfer.items.add(new File([content], name, { type: 'text/plain' }));
          if (given.text !== '') dataTransfer.setData('text', given.text);
          const dragOver = new DragEvent('dragover', { dataTransfer, bubbles: true, cancelable: true });
          // Else the browser would open the file in place of the page.
          if (field.dispatchEvent(dragOver)) throw new Error('a file may not be dropped here');
          field.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
        },
        { files, text },
      );
    await drop({ 'a.txt': `${base}/1\r\n\r\n  ${base}/2\r\n`, 'b.txt': `${base}/3` }, '');
    await pollUntil(
      () => urls.inputValue(),
      (value) => value.endsWith('/3'),
    );
    await drop({}, `${base}/4`);
    await pollUntil(
      () => urls.inputValue(),
      (value) => value.endsWith('/4'),
    );
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.waitForURL(/\/jobs\/\d+$/);
    const id = Number(new URL(page.url()).pathname.split('/').at(-1));
    const { input } = (await suite.server.call('GET', `/api/v1/jobs/${id}`)).json<{ input: object }>();
    expect(input).toMatchObject({
      urls: ['typed', '1', '2', '3', '4'].map((path) => `${base}/${path}`),
      expect: { status: '200-399' },
    });
    await untilState(suite.server, [id], 'succeeded');
  });

  it('send a named secret, which the form takes for headers and body', async () => {
    await suite.server.call('PUT', '/api/v1/secrets/shop-key', { value: 'a key of the shop' });
    const asked: (string | undefined)[] = [];
    answer = (request, response) => {
      asked.push(request.headers.authorization);
      request.on('data', (chunk: Buffer) => asked.push(chunk.toString())).on('end', () => response.end());
    };
    const page = await suite.openAs();
    const method = encodeURIComponent('POST');
    await page.goto(
      `/submit/url?input.urls=${encodeURIComponent(`["${base}/keys"]`)}&input.method=${method}`,
    );
    await page.getByText('Request, tries, limits and pace').click();
    await page.getByRole('button', { name: 'Add Headers' }).click();
    await page.getByRole('textbox', { name: 'Headers 1: Name' }).fill('Authorization');
    await page.getByRole('button', { name: 'Headers 1: Value is a named secret' }).click();
    await page.getByRole('textbox', { name: 'Headers 1: Value: text before the secret' }).fill('Bearer ');
    const secret = page.getByRole('textbox', { name: 'Headers 1: Value: name of the secret' });
    await secret.fill('no-such-key');
    await page.getByRole('button', { name: 'Body is a named secret' }).click();
    await page.getByRole('textbox', { name: 'Body: name of the secret' }).fill('shop-key');
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.getByRole('alert').getByText('there is no secret "no-such-key"').first().waitFor();
    expect(asked).toEqual([]);
    await secret.fill('shop-key');
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.waitForURL(/\/jobs\/\d+$/);
    const id = Number(new URL(page.url()).pathname.split('/').at(-1));
    await untilState(suite.server, [id], 'succeeded');
    expect(asked).toEqual(['Bearer a key of the shop', 'a key of the shop']);
    const { text } = await suite.server.call('GET', `/api/v1/jobs/${id}`);
    expect(text).not.toContain('a key of the shop');
  });

  it('that fail say what is not as it was, and show a hostile body as text', async () => {
    const good = await submit([`${base}/shop`]);
    answer = (_request, response) =>
      response
        .writeHead(503, { 'content-type': 'text/html' })
        .end('<img src=x onerror="document.title=1"><b>down</b>');
    const bad = await submit([`${base}/shop`]);
    const page = await suite.openAs();
    await page.goto(`/jobs/${bad}/result`);
    const differences = page.getByLabel('Differences');
    await differences.getByText('was 200, is 503').waitFor();
    await page.getByRole('list', { name: 'Problems' }).getByText('The status is 503').waitFor();
    expect(await page.getByLabel('First part of the body').innerText()).toContain('<b>down</b>');
    expect(await page.getByLabel('First part of the body').locator('img, b').count()).toBe(0);
    await page
      .getByRole('link', { name: `job ${good}`, exact: true })
      .first()
      .click();
    await page.waitForURL(`**/jobs/${good}`);
  });

  it('of a list are counted, filtered, and unfold', async () => {
    answer = (request, response) => response.writeHead(request.url === '/7' ? 404 : 200).end();
    const id = await submit(Array.from({ length: 60 }, (_, n) => `${base}/${n}`));
    const page = await suite.openAs();
    await page.goto(`/jobs/${id}/result`);
    const rows = page.getByRole('list', { name: 'URLs' }).getByRole('listitem');
    await page.getByRole('button', { name: 'Good 59' }).waitFor();
    await pollUntil(
      () => rows.count(),
      (count) => count === 50,
    );
    await page.getByRole('button', { name: 'More', exact: true }).click();
    await pollUntil(
      () => rows.count(),
      (count) => count === 60,
    );
    await page.getByRole('button', { name: 'Failed 1' }).click();
    await pollUntil(
      () => rows.count(),
      (count) => count === 1,
    );
    await rows.getByText(`${base}/7`).first().click();
    await page.getByRole('table', { name: 'Waterfall' }).waitFor({ state: 'attached' });
  });

  it('over both families stand apart, each with its verdict', async () => {
    const input = { urls: [`localhost:${site.port}`], addressFamily: 'both', tries: 1 };
    const { id } = (await suite.server.call('POST', '/api/v1/jobs', { kind: 'url', input })).json<{
      id: number;
    }>();
    await untilState(suite.server, [id], 'failed');
    const page = await suite.openAs();
    await page.goto(`/jobs/${id}/result`);
    const rows = page.getByRole('list', { name: 'URLs' }).getByRole('listitem');
    await rows.filter({ hasText: 'IPv4' }).getByText('200 OK').waitFor();
    const other = rows.filter({ hasText: 'IPv6' });
    expect(await other.count()).toBe(1);
    expect(await other.innerText()).not.toContain('200 OK');
    // What went wrong stands in sentences, once it is unfolded.
    await other.getByText(`http://localhost:${site.port}/`).first().click();
    await other.getByRole('list', { name: 'Problems' }).waitFor();
  });

  it('of a schedule stand with their uptime, which falls when one fails', async () => {
    const schedule = {
      name: 'watch-shop',
      cron: '*/2 * * * * *',
      submit: { kind: 'url', input: { urls: [`${base}/watched`], tries: 1 } },
    };
    expect((await suite.server.call('POST', '/api/v1/schedules', schedule)).status).toBe(201);
    const page = await suite.openAs();
    await page.goto('/urls/status');
    const row = page
      .getByRole('list', { name: 'URLs' })
      .getByRole('listitem')
      .filter({ hasText: '/watched' });
    await row.getByText('200 OK').waitFor();
    await row.getByText(/^up since /).waitFor();
    await row.getByRole('img', { name: /^Uptime 100 %; failures in 0 of 48/ }).waitFor();
    answer = (_request, response) => response.writeHead(500).end();
    await row.getByText('500 Internal Server Error').waitFor();
    await row.getByRole('img', { name: /^Uptime \d+\.\d\d %; failures in 1 of 48/ }).waitFor();
    await row.getByText('Response time').click();
    await row.getByRole('img', { name: /Median response time/ }).waitFor();
    await suite.server.call('DELETE', '/api/v1/schedules/watch-shop');
    await page.getByText('No schedule tests a URL yet.').waitFor();
  });
});
