import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { adminPassword } from './admin.ts';
import { BrowserProfile } from './browser-profile.ts';
import { startServer, type TestServer } from './server.ts';

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

const hasBrowser = existsSync(executablePath);

/** A suite that needs a browser; where Chromium is missing it is skipped, and says so by its name. */
export function describeInBrowser(name: string, run: () => void): void {
  const note = hasBrowser ? '' : ` (no Chromium at ${executablePath})`;
  describe.skipIf(!hasBrowser)(`${name}${note}`, () => {
    run();
  });
}

export interface BrowserSuite {
  readonly server: TestServer;
  /** A page of a browser of its own, which nobody has signed in to. */
  open(options?: OpenOptions): Promise<Page>;
  /** The same, signed in. */
  openAs(name?: string, secret?: string, options?: OpenOptions): Promise<Page>;
}

export interface OpenOptions extends BrowserContextOptions {
  /** Nothing was ever loaded: its cache is empty, too. */
  isFirstVisit?: boolean;
}

/**
 * A server and Chromium, for one file. Whatever a page complains about in its console, throws, or asks of another place
 * than its server fails the test.
 * @param options.checkout where the source of the server is; by default here
 * @param options.host a name under which the browser, and nobody else, finds the server at `http://<host>`
 */
export function useBrowser(
  env: Record<string, string> = {},
  options: { host?: string; checkout?: () => string } = {},
): BrowserSuite {
  const { host, checkout } = options;
  let server: TestServer | undefined;
  let browser: Browser | undefined;
  let profiles: BrowserProfile[] = [];
  let complaints: string[] = [];

  beforeAll(async () => {
    server = await startServer(env, checkout ? { checkout: checkout() } : {});
    const rules = host === undefined ? [] : [`--host-resolver-rules=MAP ${host} ${new URL(server.url).host}`];
    browser = await chromium.launch({ executablePath, args: [...flags, ...rules] });
  });
  afterEach(async () => {
    const found = complaints;
    complaints = [];
    await Promise.all(profiles.map((profile) => profile.clear()));
    expect(found, 'what pages complained about').toEqual([]);
  });
  afterAll(async () => {
    profiles = [];
    await browser?.close();
    await server?.close();
  });

  const started = (): TestServer => {
    if (!server) throw new Error('the server is not started yet');
    return server;
  };
  const open = async ({ isFirstVisit = false, ...given }: OpenOptions = {}): Promise<Page> => {
    if (!browser) throw new Error('the browser is not started yet');
    const wanted = {
      baseURL: host === undefined ? started().url : `http://${host}`,
      viewport: { width: 1440, height: 900 },
      ...given,
    };
    let profile = isFirstVisit ? undefined : profiles.find((one) => one.fits(wanted));
    if (!profile) {
      profile = await BrowserProfile.create(browser, wanted);
      profiles.push(profile);
    }
    const page = await profile.open();
    watch(page, complaints);
    return page;
  };
  return {
    get server() {
      return started();
    },
    open,
    openAs: async (name = 'admin', secret = adminPassword, options = {}) => {
      const page = await open(options);
      await page.request.post('/api/v1/sessions', { data: { name, password: secret } });
      return page;
    },
  };
}

function watch(page: Page, complaints: string[]): void {
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') {
      // The browser's own line for an answer of 4xx and 5xx; what the page makes of it is what counts.
      if (!message.text().startsWith('Failed to load resource'))
        complaints.push(`console: ${message.text()}`);
    }
  });
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (
      protocol !== 'data:' &&
      protocol !== 'blob:' &&
      origin !== new URL(page.url(), request.url()).origin &&
      page.url() !== 'about:blank'
    )
      complaints.push(`asked of elsewhere: ${request.url()}`);
  });
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const rules = {
  all: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
  /** Those that another colour scheme can break: it changes colours, nothing else. */
  colours: ['color-contrast', 'link-in-text-block'],
};

/** What axe-core finds serious or critical on the page as it is, one line each (WCAG 2.2 A and AA). */
export async function seriousFindings(page: Page, about: keyof typeof rules = 'all'): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axeSource);
  return page.evaluate(async (runOnly) => {
    const { axe } = globalThis as unknown as {
      axe: { run(where: unknown, options: unknown): Promise<AxeResults> };
    };
    const { violations } = await axe.run(document, { runOnly });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
      );
  }, rules[about]);
}

interface AxeResults {
  violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
}
