import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';

/**
 * What a person would call a browser: cookies, storage, permissions. To make one and load the pages into it takes a second
 * and a half of the processor, most of it in its new process; so it is cleared after a test and used again. One page of
 * the test stays, empty, which keeps the process.
 */
export class BrowserProfile {
  readonly #context: BrowserContext;
  readonly #given: string;
  #keeper: Page | undefined;
  #isTaken = false;

  private constructor(context: BrowserContext, given: string) {
    this.#context = context;
    this.#given = given;
  }

  static async create(browser: Browser, options: BrowserContextOptions): Promise<BrowserProfile> {
    return new BrowserProfile(await browser.newContext(options), JSON.stringify(options));
  }

  fits(options: BrowserContextOptions): boolean {
    return !this.#isTaken && this.#given === JSON.stringify(options);
  }

  open(): Promise<Page> {
    this.#isTaken = true;
    return this.#context.newPage();
  }

  async clear(): Promise<void> {
    if (!this.#isTaken) return;
    const pages = this.#context.pages().filter((page) => page !== this.#keeper);
    const origins = new Set(pages.map((page) => new URL(page.url()).origin));
    this.#keeper ??= pages.shift();
    await Promise.all([...pages.map((page) => page.close()), this.#keeper?.goto('about:blank')]);
    await this.#context.clearCookies();
    await this.#context.clearPermissions();
    await this.#clearStorage(origins);
    this.#isTaken = false;
  }

  async #clearStorage(origins: Iterable<string>): Promise<void> {
    if (!this.#keeper) return;
    const session = await this.#context.newCDPSession(this.#keeper);
    for (const origin of origins)
      await session.send('Storage.clearDataForOrigin', { origin, storageTypes: 'all' });
    await session.detach();
  }
}
