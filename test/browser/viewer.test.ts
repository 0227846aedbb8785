import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Sink, SinkOptions } from '../../src/viewer/sink.js';
import { fullTraceId, sendSpans, type WrittenSpan } from '../viewer/otlp.js';
import { delayFrames, launchBrowser, openPage, type WatchedPage } from './browser.js';
import { runDemoTraffic } from './demo-traffic.js';
import { startTestSink } from './sink.js';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

let sink: Sink;
let watched: WatchedPage;

/** Starts a sink, and opens its page. */
async function open(options: SinkOptions = {}, hash = ''): Promise<Page> {
  sink = await startTestSink(options);
  watched = await openPage(browser);
  await watched.page.goto(`${sink.viewerUrl}${hash}`);
  return watched.page;
}

afterEach(async () => {
  const { page, errors, hosts } = watched;
  await page.context().close();
  await sink.stop();
  expect(errors).toEqual([]);
  expect([...hosts]).toEqual([new URL(sink.url).host]);
});

const rows = (page: Page) => page.getByRole('grid', { name: 'Traces' }).getByRole('row');

/** A trace of two spans. */
const pair = (traceId: string, part: Partial<WrittenSpan> = {}): [WrittenSpan, WrittenSpan] => [
  { name: 'GET /', ...part, traceId, spanId: `${traceId}1` },
  { name: 'SELECT', ...part, traceId, spanId: `${traceId}2`, parentSpanId: `${traceId}1` },
];

describe('the page', () => {
  it('shows the traffic of the demo: backends, flow, and each trace where it belongs', async () => {
    const page = await open();
    await page.getByText('Waiting for spans').waitFor();
    const made = await runDemoTraffic(sink.url, 60);

    await page.getByRole('row', { name: /^byoc taking spans/ }).waitFor();
    await page.getByRole('row', { name: /^standard taking spans/ }).waitFor();
    await page.getByTitle(`${made.length} spans have arrived`).waitFor();

    await page.getByRole('link', { name: 'Flow' }).click();
    await page.getByRole('link', { name: /^backend byoc: \d+ spans/ }).waitFor();
    await page.getByRole('link', { name: /^backend standard: \d+ spans/ }).waitFor();
    await page.getByRole('link', { name: /^initech to standard: \d+ spans/ }).waitFor();
    expect(await page.getByRole('link', { name: /^initech to byoc/ }).count()).toBe(0);

    await page.getByRole('link', { name: /^acme to byoc/ }).focus();
    await page.keyboard.press('Enter');
    await rows(page).first().waitFor();
    for (const text of await rows(page).allInnerTexts()) expect(text).toMatch(/acme[\s\S]*byoc/);
    expect(await page.getByText('split').count()).toBe(0);
  });

  it('filters by text, backend and key, and keeps the filter in the address', async () => {
    const page = await open({}, '#/traces');
    await sendSpans(sink.url, 'red', pair('a', { name: 'GET /basket', key: 'acme' }));
    await sendSpans(sink.url, 'blue', pair('b', { name: 'GET /order', key: 'globex' }));
    await page.getByText('2 traces').waitFor();

    await page.getByRole('searchbox', { name: 'Text' }).fill('BASKET');
    await page.getByText('1 trace of 2').waitFor();
    expect(await rows(page).allInnerTexts()).toEqual([expect.stringContaining('GET /basket')]);

    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('combobox', { name: 'Backend' }).selectOption({ label: 'blue' });
    await page.getByText('1 trace of 2').waitFor();
    expect(await rows(page).allInnerTexts()).toEqual([expect.stringContaining('GET /order')]);
    await page.getByRole('combobox', { name: 'Key' }).selectOption({ label: 'acme' });
    await page.getByText('No trace that is held matches the filter.').waitFor();

    await page.reload();
    expect(page.url()).toContain('backend=blue&key=acme');
    await page.getByText('0 traces of 2').waitFor();
  });

  it('flags a trace that is split over backends, and says who holds which span', async () => {
    const page = await open({}, '#/traces');
    const [root, child] = pair('a');
    await sendSpans(sink.url, 'red', [root]);
    await sendSpans(sink.url, 'blue', [child]);
    await sendSpans(sink.url, 'red', pair('b'));

    await page.getByRole('checkbox', { name: 'Flagged only' }).check();
    await page.getByText('1 trace of 2').waitFor();
    await rows(page).filter({ hasText: 'split' }).click();
    await page.getByRole('note').getByText('Split over backends.').waitFor();
    const spans = page.getByRole('treegrid').getByRole('row');
    expect(await spans.allInnerTexts()).toEqual([
      expect.stringMatching(/GET \/[\s\S]*red/),
      expect.stringMatching(/SELECT[\s\S]*blue/),
    ]);
  });

  it('flags a span that arrived twice', async () => {
    const page = await open({}, '#/traces');
    const [root] = pair('a');
    await sendSpans(sink.url, 'red', [root]);
    await sendSpans(sink.url, 'red', [root]);
    await rows(page).filter({ hasText: 'arrived twice' }).click();
    await page.getByRole('treegrid').getByText('×2').waitFor();
  });

  it('sets what came with a span as text, whatever it is', async () => {
    const page = await open();
    const hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    const [root] = pair('a', {
      name: hostile,
      key: hostile,
      service: hostile,
      error: hostile,
      attributes: { [hostile]: hostile },
      events: [{ name: hostile, offsetMs: 1 }],
    });
    await sendSpans(sink.url, encodeURIComponent(hostile), [root], { 'user-agent': hostile });
    await page.getByText('%3Cimg').filter({ visible: true }).first().waitFor();
    for (const view of ['flow', 'traces']) {
      await page.goto(`${sink.url}/#/${view}`);
      await page.getByText('<img src=x').filter({ visible: true }).first().waitFor();
    }
    await page.goto(`${sink.url}/#/traces/${fullTraceId('a')}?span=0`);
    const panel = page.getByRole('complementary', { name: 'Span' });
    await panel.getByText(hostile, { exact: true }).first().waitFor();
    await panel.getByText('Request that carried it').waitFor();

    expect(await page.locator('img').count()).toBe(0);
    expect(await page.locator('body script').count()).toBe(0);
    expect(await page.title()).toBe('Traces · signalbox');
  });

  it('masks the credentials of the request that carried a span', async () => {
    const page = await open();
    const secrets = { authorization: 'Bearer sk-secret-1', 'x-api-key': 'sk-secret-2' };
    await sendSpans(sink.url, 'red', pair('a'), secrets);
    await page.goto(`${sink.url}/#/traces/${fullTraceId('a')}?span=0`);
    await page.getByText('Bearer ****').waitFor();
    expect(await page.content()).not.toContain('secret');
  });

  it('can be used with the keyboard alone', async () => {
    const page = await open();
    for (let index = 1; index <= 50; index += 1) {
      await sendSpans(
        sink.url,
        'red',
        pair(index.toString(16).padStart(3, '0'), { name: `n${index}` }),
      );
    }
    await page.keyboard.press('2');
    await page.getByRole('region', { name: 'Flow' }).waitFor();
    await page.keyboard.press('3');
    await page.getByText('50 traces').waitFor();

    await page.keyboard.press('/');
    await page.keyboard.type('n1');
    await page.getByText('11 traces of 50').waitFor();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Delete');
    await page.getByText('50 traces', { exact: true }).waitFor();

    await page.getByRole('grid').focus();
    for (let step = 0; step < 3; step += 1) await page.keyboard.press('ArrowDown');
    await page.getByRole('row', { selected: true, name: /n48/ }).waitFor();
    await page.keyboard.press('End');
    await page.getByRole('row', { selected: true, name: /n1 / }).waitFor();
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');

    const spans = page.getByRole('treegrid').getByRole('row');
    await spans.nth(1).waitFor();
    await page.keyboard.press('ArrowLeft');
    await expect.poll(() => spans.count()).toBe(1);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('complementary', { name: 'Span' }).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('complementary').count()).toBe(0);
    await page.keyboard.press('Escape');
    await page.getByRole('grid', { name: 'Traces' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.getByRole('row', { selected: true, name: /n49/ }).waitFor();

    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('p');
    await page.getByRole('button', { name: 'Paused' }).waitFor();
  });

  it('follows the address and the keyboard also where frames are late', async () => {
    sink = await startTestSink();
    watched = await openPage(browser);
    const { page } = watched;
    await delayFrames(page);
    await sendSpans(sink.url, 'red', pair('a'));
    await sendSpans(sink.url, 'red', pair('b', { name: 'GET /basket' }));
    await page.goto(sink.viewerUrl);
    await page.goto(`${sink.viewerUrl}#/traces/${fullTraceId('a')}`);
    await page.getByRole('treegrid').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('2 traces').waitFor();
    await page.getByRole('row', { name: /GET \/basket/ }).click();
    await page.getByRole('treegrid').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('grid', { name: 'Traces' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.getByRole('row', { selected: true, name: /GET \/ / }).waitFor();
  });

  it('shows what comes to a trace that is open', async () => {
    const [root, child] = pair('a');
    const page = await open({}, `#/traces/${fullTraceId('a')}`);
    await page.getByText('This trace is not here').waitFor();
    await sendSpans(sink.url, 'red', [root]);
    const spans = page.getByRole('treegrid').getByRole('row');
    await spans.first().waitFor();
    await sendSpans(sink.url, 'red', [child]);
    await spans.nth(1).waitFor();
    expect(watched.errors.every((error) => error.includes('404'))).toBe(true);
    watched = { ...watched, errors: [] };
  });

  it('scrolls 100,000 traces, of which a screenful is in the page', async () => {
    const page = await open({}, '#/traces');
    for (let first = 0; first < 100_000; first += 5_000) {
      const spans = Array.from({ length: 5_000 }, (_, index) => {
        const id = (first + index + 1).toString(16);
        return { traceId: id, spanId: id, name: `n${first + index + 1}` };
      });
      await sendSpans(sink.url, 'red', spans);
    }
    await page.getByText('100,000 traces').waitFor();
    const list = page.getByRole('grid');
    for (const part of [0.25, 0.5, 0.75, 1]) {
      await list.evaluate((element, to) => {
        element.scrollTop = to * element.scrollHeight;
      }, part);
      const expected = new RegExp(`n${Math.round(100_000 * (1 - part)) + (part === 1 ? 1 : 5)} `);
      await page.getByRole('row', { name: expected }).waitFor();
      expect(await rows(page).count()).toBeLessThan(100);
    }
    await list.focus();
    await page.keyboard.press('Home');
    await page.getByRole('row', { name: /n100000 / }).waitFor();
  });

  it('finds its place in the list again, after a trace was open', async () => {
    const page = await open({}, '#/traces');
    const spans = Array.from({ length: 1_000 }, (_, index) => {
      const id = (index + 1).toString(16);
      return { traceId: id, spanId: id, name: `n${index + 1}` };
    });
    await sendSpans(sink.url, 'red', spans);
    await page.getByText('1,000 traces').waitFor();
    await page.getByRole('grid').evaluate((element) => {
      element.scrollTop = element.scrollHeight / 2;
    });
    await page.getByRole('row', { name: /n495 / }).click();
    await page.getByRole('treegrid').waitFor();
    await page.goBack();
    await page.getByRole('row', { selected: true, name: /n495 / }).waitFor();
  });

  it('stands still while somebody reads, and says how many are newer', async () => {
    const page = await open({}, '#/traces');
    const send = (from: number, count: number) =>
      sendSpans(
        sink.url,
        'red',
        Array.from({ length: count }, (_, index) => {
          const id = (from + index).toString(16);
          return { traceId: id, spanId: id, name: `n${from + index}` };
        }),
      );
    await send(1, 200);
    await page.getByRole('row', { name: /n200 / }).waitFor();
    await send(201, 5);
    await page.getByRole('row', { name: /n205 / }).waitFor();
    await page.getByRole('grid').evaluate((element) => {
      element.scrollTop = 1_700;
    });
    await page.getByRole('row', { name: /n150 / }).waitFor();
    await send(301, 7);
    const newer = page.getByRole('button', { name: '7 newer' });
    await newer.waitFor();
    await page.getByRole('row', { name: /n150 / }).waitFor();
    await newer.click();
    await page.getByRole('row', { name: /n307 / }).waitFor();
  });

  it('shows a trace of 20,000 spans', async () => {
    const page = await open();
    const spans = Array.from({ length: 20_000 }, (_, index) => ({
      traceId: 'a',
      spanId: (index + 1).toString(16),
      ...(index > 0 && { parentSpanId: '1' }),
      name: `n${index + 1}`,
      startMs: 1_000 + index,
    }));
    await sendSpans(sink.url, 'red', spans);
    await page.goto(`${sink.url}/#/traces/${fullTraceId('a')}`);
    await page.getByRole('row', { name: /n2 / }).waitFor();
    await page.keyboard.press('End');
    await page.getByRole('row', { name: /n20000 / }).waitFor();
    expect(await page.getByRole('row').count()).toBeLessThan(100);
  });

  it('says that the sink has stopped, and goes on when it is back', async () => {
    const page = await open();
    await sendSpans(sink.url, 'red', pair('a'));
    await page.getByRole('row', { name: /^red/ }).waitFor();
    await sink.stop();
    await page.getByRole('alert').getByText('signalbox sink has stopped').waitFor();
    sink = await startTestSink({ port: sink.port });
    await page.getByText('Waiting for spans').waitFor();
    // The browser reports each request that found nobody.
    expect(watched.errors.every((error) => error.includes('ERR_CONNECTION_REFUSED'))).toBe(true);
    watched = { ...watched, errors: [] };
  });

  it('is opened by its token where the sink listens beyond loopback', async () => {
    const page = await open({ host: '0.0.0.0' });
    await page.getByText('Waiting for spans').waitFor();
    expect(page.url()).not.toContain('token');
  });
});
