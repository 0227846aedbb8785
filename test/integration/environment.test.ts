import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diag } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/index.js';
import {
  plainAttributes,
  type RecordedRequest,
  startReceiver,
  type TestReceiver,
} from '../helpers/receiver.js';
import { fixture, runScript } from './child.js';

let receiver: TestReceiver;
let folder: string;

beforeEach(async () => {
  receiver = await startReceiver();
  folder = mkdtempSync(join(tmpdir(), 'signalbox-environment-'));
});

afterEach(async () => {
  rmSync(folder, { recursive: true });
  await receiver.stop();
});

function writeFile(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Runs an application that makes one span without a key, and one under each key, and shuts down. */
async function runApplication(keys: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const ended = await runScript(
    `
    import { withRoute } from 'signalbox';
    import { inSpan, provider } from '${fixture('telemetry.mjs')}';

    await inSpan('no key', { 'braintrust.parent': 'project_name:of-the-application' });
    for (const key of ${JSON.stringify(keys)}) {
      await withRoute(key, () =>
        inSpan(key, { 'braintrust.parent': 'project_name:of-the-application' }));
    }
    await provider.shutdown();
    `,
    env,
  );
  expect(ended).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
}

/** The one request that came for a backend. */
function requestFor(backend: string | undefined): RecordedRequest {
  const [request, ...more] = receiver.requests.filter((each) => each.backend === backend);
  if (request === undefined || more.length > 0) {
    throw new Error(`${receiver.requests.length} requests came, and not one for ${backend}`);
  }
  return request;
}

function namesIn({ spans }: RecordedRequest): string[] {
  return spans.map(({ name }) => name);
}

/** Every name and value of a request's headers, to search for what must not be there. */
function headersOf({ headers }: RecordedRequest): string {
  return JSON.stringify(headers);
}

describe('an application that is configured by variables', () => {
  it('sends each key’s spans to its backends, each in its own way', async () => {
    await runApplication(['acme', 'globex', 'initech', 'standard'], {
      SIGNALBOX_BACKENDS: 'standard,byoc-acme',
      SIGNALBOX_ROUTES: 'acme=byoc-acme,globex=standard+byoc-acme',
      SIGNALBOX_DEFAULT_ROUTE: 'standard',
      SIGNALBOX_ROUTE_ATTRIBUTE: 'tenant.route',
      SIGNALBOX_BACKEND_STANDARD_ENDPOINT: `${receiver.url}/standard`,
      SIGNALBOX_BACKEND_STANDARD_HEADERS: 'x-team=ml%20ops,x-region=eu',
      SIGNALBOX_BACKEND_STANDARD_API_KEY: 'key-of-standard',
      SIGNALBOX_BACKEND_BYOC_ACME_TRACES_ENDPOINT: `${receiver.url}/byoc-acme/v1/traces?tier=1`,
      SIGNALBOX_BACKEND_BYOC_ACME_PROTOCOL: 'http/json',
      SIGNALBOX_BACKEND_BYOC_ACME_COMPRESSION: 'gzip',
      SIGNALBOX_BACKEND_BYOC_ACME_API_KEY_FILE: writeFile('key', 'key-of-acme\n'),
    });

    const standard = requestFor('standard');
    expect(namesIn(standard)).toEqual(['no key', 'globex']);
    expect(standard.headers).toMatchObject({
      'content-type': 'application/x-protobuf',
      'x-team': 'ml ops',
      'x-region': 'eu',
      authorization: 'Bearer key-of-standard',
    });
    const acme = requestFor('byoc-acme');
    expect(namesIn(acme)).toEqual(['acme', 'globex']);
    expect(acme.headers).toMatchObject({
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      authorization: 'Bearer key-of-acme',
    });
    expect(acme.spans.map((span) => plainAttributes(span.attributes)['tenant.route'])).toEqual([
      'acme',
      'globex',
    ]);
    expect(receiver.requests).toHaveLength(2);
  });

  // Each of these variables would add headers, or an address, to a stock exporter beside it.
  it.each(['signalbox', 'otlp-http'])(
    'sends nothing of the variables of another exporter (%s)',
    async (exporter) => {
      await runApplication(['other'], {
        OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.url}/elsewhere`,
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/elsewhere/v1/traces`,
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20secret,x-api-key=secret',
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-traces-key=secret',
        BRAINTRUST_API_KEY: 'secret',
        BRAINTRUST_API_URL: `${receiver.url}/elsewhere`,
        SIGNALBOX_BACKENDS: 'main,other',
        SIGNALBOX_DEFAULT_ROUTE: 'main',
        SIGNALBOX_BACKEND_MAIN_ENDPOINT: `${receiver.url}/main`,
        SIGNALBOX_BACKEND_MAIN_EXPORTER: exporter,
        SIGNALBOX_BACKEND_OTHER_ENDPOINT: `${receiver.url}/other`,
        SIGNALBOX_BACKEND_OTHER_API_KEY: 'key-of-other',
        SIGNALBOX_BACKEND_OTHER_EXPORTER: exporter,
      });

      expect(namesIn(requestFor('main'))).toEqual(['no key']);
      expect(requestFor('main').headers).not.toHaveProperty('authorization');
      expect(headersOf(requestFor('main'))).not.toMatch(/secret|key/);
      expect(namesIn(requestFor('other'))).toEqual(['other']);
      expect(requestFor('other').headers.authorization).toBe('Bearer key-of-other');
      expect(headersOf(requestFor('other'))).not.toContain('secret');
      expect(receiver.requests).toHaveLength(2);
    },
  );
});

describe('an application that is configured by a file', () => {
  it('reads it with the variables that it refers to, and those that override it', async () => {
    const file = writeFile(
      'signalbox.yaml',
      `
default_route: standard
routes:
  acme: [byoc-acme]
  globex: [standard, byoc-acme]
backends:
  standard:
    endpoint: \${RECEIVER_URL}/standard
    api_key: \${STANDARD_KEY}
  byoc-acme:
    preset: braintrust
    endpoint: \${env:RECEIVER_URL}/byoc-acme
    api_key: \${ACME_KEY:-key-of-acme}
    parent: project_name:of-the-file
    headers:
      x-dollar: $$1
`,
    );
    await runApplication(['acme', 'globex'], {
      RECEIVER_URL: receiver.url,
      STANDARD_KEY: 'key-of-standard',
      SIGNALBOX_CONFIG_FILE: file,
      SIGNALBOX_BACKEND_BYOC_ACME_PARENT: 'project_name:of-the-variable',
    });

    expect(namesIn(requestFor('standard'))).toEqual(['no key', 'globex']);
    expect(requestFor('standard').headers.authorization).toBe('Bearer key-of-standard');
    const acme = requestFor('byoc-acme');
    expect(acme.path).toBe('/byoc-acme/otel/v1/traces');
    expect(namesIn(acme)).toEqual(['acme', 'globex']);
    expect(acme.headers).toMatchObject({
      authorization: 'Bearer key-of-acme',
      'x-bt-parent': 'project_name:of-the-variable',
      'x-dollar': '$1',
    });
  });
});

describe('an application that had one exporter', () => {
  it.each([
    {
      what: 'a base',
      suffix: '',
      parent: undefined,
      expected: 'project_name:default-otel-project',
    },
    {
      what: 'a base that ends in /otel',
      suffix: '/otel',
      parent: 'project_id:42',
      expected: 'project_id:42',
    },
  ])('sends to Braintrust with $what', async ({ suffix, parent, expected }) => {
    await runApplication(['acme', 'braintrust'], {
      BRAINTRUST_API_KEY: 'sk-1',
      BRAINTRUST_API_URL: `${receiver.url}${suffix}`,
      ...(parent && { BRAINTRUST_PARENT: parent }),
    });

    const request = requestFor(undefined);
    expect(request.path).toBe('/otel/v1/traces');
    expect(request.headers).toMatchObject({
      authorization: 'Bearer sk-1',
      'x-bt-parent': expected,
    });
    // A key that no route knows is dropped in this mode, too.
    expect(namesIn(request)).toEqual(['no key', 'braintrust']);
  });

  it('sends to its OTLP endpoint with all the settings of OpenTelemetry', async () => {
    await runApplication([], {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=general,x-team=ml%20ops',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-api-key=of-traces',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    });

    const request = requestFor(undefined);
    expect(request.path).toBe('/v1/traces');
    expect(request.headers).toMatchObject({
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      'x-api-key': 'of-traces',
      'x-team': 'ml ops',
    });
    expect(namesIn(request)).toEqual(['no key']);
  });
});

describe('the span attribute braintrust.parent', () => {
  it('does not arrive where the configuration names the parent, and does elsewhere', async () => {
    await runApplication(['both'], {
      SIGNALBOX_BACKENDS: 'bt,bt-stock,otlp',
      SIGNALBOX_ROUTES: 'both=bt+bt-stock+otlp',
      SIGNALBOX_BACKEND_BT_PRESET: 'braintrust',
      SIGNALBOX_BACKEND_BT_ENDPOINT: `${receiver.url}/bt`,
      SIGNALBOX_BACKEND_BT_API_KEY: 'sk-1',
      SIGNALBOX_BACKEND_BT_PARENT: 'project_name:checkout',
      SIGNALBOX_BACKEND_BT_STOCK_PRESET: 'braintrust',
      SIGNALBOX_BACKEND_BT_STOCK_ENDPOINT: `${receiver.url}/bt-stock`,
      SIGNALBOX_BACKEND_BT_STOCK_API_KEY: 'sk-2',
      SIGNALBOX_BACKEND_BT_STOCK_PARENT: 'project_name:checkout',
      SIGNALBOX_BACKEND_BT_STOCK_EXPORTER: 'otlp-http',
      SIGNALBOX_BACKEND_OTLP_ENDPOINT: `${receiver.url}/otlp`,
    });

    const attributes = (backend: string) =>
      requestFor(backend).spans.map((span) => plainAttributes(span.attributes));
    const own = { 'signalbox.route': 'both' };
    expect(attributes('bt')).toEqual([own]);
    expect(attributes('bt-stock')).toEqual([own]);
    expect(requestFor('bt-stock').headers['x-bt-parent']).toBe('project_name:checkout');
    expect(attributes('otlp')).toEqual([
      { ...own, 'braintrust.parent': 'project_name:of-the-application' },
    ]);
  });
});

describe('the User-Agent', () => {
  it.each(['signalbox', 'otlp-http'])(
    'names signalbox and its version before the OTLP exporter’s (%s)',
    async (exporter) => {
      const { default: own } = await import('../../package.json', { with: { type: 'json' } });
      await runApplication([], {
        SIGNALBOX_BACKENDS: 'main',
        SIGNALBOX_DEFAULT_ROUTE: 'main',
        SIGNALBOX_BACKEND_MAIN_ENDPOINT: receiver.url,
        SIGNALBOX_BACKEND_MAIN_EXPORTER: exporter,
      });

      const [product, next] = requestFor(undefined).headers['user-agent']?.split(' ') ?? [];
      expect(product).toBe(`signalbox/${own.version}`);
      expect(next).toMatch(/^OTel-OTLP-Exporter-JavaScript\/\d/);
    },
  );
});

describe('loadConfig', () => {
  it('is not harmed by a diag logger that throws', () => {
    const fail = (message: string) => {
      if (message.startsWith('signalbox')) throw new Error('of the logger');
    };
    diag.setLogger({ error: fail, warn: fail, info: fail, debug: fail, verbose: fail });
    onTestFinished(() => diag.disable());

    const { backends } = loadConfig({
      SIGNALBOX_BACKENDS: 'main',
      SIGNALBOX_BACKEND_MAIN_ENDPOINT: receiver.url,
      SIGNALBOX_IS_NO_SETTING: 'which is warned of',
    });
    expect(Object.keys(backends)).toEqual(['main']);
  });
});
