import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { test } from 'vitest';
import { launchBrowser, openPage } from './browser.js';
import { createShop, shopStats } from './shop.js';
import { startTestSink } from './sink.js';

const SECONDS = 50;

/** The views whose colours say something. */
const IN_DARK = new Set(['backends', 'flow', 'span']);

const pathOf = (name: string) =>
  fileURLToPath(new URL(`../../docs/viewer/${name}.png`, import.meta.url));

// npm run screenshots: the pictures of each view, for the docs.
test('takes the pictures', { timeout: 180_000 }, async () => {
  mkdirSync(dirname(pathOf('any')), { recursive: true });
  const service = createServer((_, response) => response.end(JSON.stringify(shopStats())));
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  const { port } = service.address() as AddressInfo;
  const sink = await startTestSink({
    stats: new URL(`http://127.0.0.1:${port}/`),
    failures: [{ backend: 'byoc-globex', httpStatus: 503, durationMs: SECONDS * 1_000 }],
  });
  const shop = createShop(sink.url);
  // A minute of traffic takes its time: rates are of real seconds.
  for (let second = 0; second < SECONDS + 6; second += 1) {
    await Promise.all([shop.sendSecond(), wait(1_000)]);
    if (second % 9 === 0) await shop.sendSplit();
    if (second % 17 === 0) await shop.sendRepeated();
  }

  const browser = await launchBrowser();
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await openPage(browser, { colorScheme });
    const take = async (name: string) => {
      if (colorScheme === 'light') await page.screenshot({ path: pathOf(name) });
      else if (IN_DARK.has(name)) await page.screenshot({ path: pathOf(`${name}-dark`) });
    };
    await shop.sendSecond();
    await page.goto(sink.viewerUrl);
    await page.getByRole('row', { name: /^eu/ }).waitFor();
    await take('backends');
    await page.keyboard.press('2');
    await page.getByRole('link', { name: /^acme to/ }).waitFor();
    await take('flow');
    await page.keyboard.press('3');
    await shop.sendSplit();
    await shop.sendRepeated();
    await shop.sendSecond();
    await listed(page);
    await take('traces');
    await page.getByLabel('Flagged only').check();
    await page.getByRole('row').filter({ hasText: 'split' }).first().click();
    await page.getByRole('treegrid').getByRole('row').nth(6).waitFor();
    await take('trace');
    await page.getByRole('row').filter({ hasText: 'chat gpt-5' }).click();
    await page.getByText('gen_ai.prompt').waitFor();
    await take('span');
    await page.context().close();
  }
  await browser.close();
  await sink.stop();
  service.close();
  service.closeAllConnections();
});

/** Until the newest traces stand in the list. */
async function listed(page: Page): Promise<void> {
  await page.getByRole('row').filter({ hasText: 'arrived twice' }).first().waitFor();
  await wait(1_000);
}
