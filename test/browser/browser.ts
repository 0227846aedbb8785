import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const PATHS = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** It reaches for nothing but the page: no updates, no look-ups of its own. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts the Chromium that is installed; says how to install one where none is. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = PATHS.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) {
    throw new Error(
      'The browser tests need Chromium: apt-get install chromium, or say where it is by CHROMIUM_PATH.',
    );
  }
  return chromium.launch({ executablePath, args: ARGUMENTS, headless: true });
}

/** A page, and what it did that it should not have. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors in its console, uncaught ones, and what its policy has blocked. */
  readonly errors: readonly string[];
  /** Hosts that it asked for anything. */
  readonly hosts: ReadonlySet<string>;
}

/** Makes the page's frames late, as they are on a busy machine. */
export async function delayFrames(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const later = window.setTimeout.bind(window);
    window.requestAnimationFrame = (callback) => later(() => callback(performance.now()), 300);
    Object.assign(window, {
      setTimeout: (callback: () => void, delayMs = 0) => later(callback, delayMs + 300),
    });
  });
}

/** Opens an empty page of the size that the pictures have. */
export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    ...options,
  });
  const page = await context.newPage();
  const errors: string[] = [];
  const hosts = new Set<string>();
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('request', (request) => hosts.add(new URL(request.url()).host));
  return { page, errors, hosts };
}
