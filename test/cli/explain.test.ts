import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { setRoute, statsHandler, withBoundary, withRoute } from '../../src/index.js';
import { type Service, startService } from '../helpers/service.js';
import { onTerminal, signalbox } from './command.js';
import { endless } from './endless.js';
import { temporaryFile } from './files.js';
import { twoBackends } from './two-backends.js';

const schema = z.strictObject({
  ok: z.boolean(),
  keys: z.array(
    z.strictObject({
      key: z.string().nullable(),
      reason: z.enum(['route', 'own_name', 'template', 'collector', 'default', 'unknown']),
      because: z.string(),
      requires: z.string().optional(),
      dropped: z.string().optional(),
      backends: z.array(
        z.strictObject({
          name: z.string(),
          url: z.string().nullable(),
          role: z.literal('shadow').optional(),
          share: z.string().optional(),
          parent: z.string().optional(),
          class: z.string().optional(),
          writes: z.record(z.string(), z.string()),
          omits: z.array(z.string()),
          hashes: z.array(z.string()),
          truncates: z.record(z.string(), z.number()),
          filter: z.enum(['all', 'ai']),
        }),
      ),
    }),
  ),
  service: z
    .union([
      z.strictObject({
        decisions: z.array(
          z.strictObject({
            at: z.number(),
            outcome: z.string(),
            by: z.string(),
            key: z.string().optional(),
            backends: z.array(z.string()).optional(),
            dropped: z.string().optional(),
            traceId: z.string().optional(),
          }),
        ),
      }),
      z.strictObject({ problem: z.string() }),
    ])
    .optional(),
});

async function explain(args: readonly string[], env: NodeJS.ProcessEnv) {
  const { code, stdout } = await signalbox(['explain', '--json', ...args], env);
  const report = schema.parse(JSON.parse(stdout));
  expect(report.ok).toBe(code === 0);
  return { code, ...report };
}

/** What is said of a backend that may see everything. */
const unviewed = { hashes: [], truncates: {}, filter: 'all' };

test('a configured route leads to its backends, with what the configuration makes of the spans', async () => {
  const { code, keys } = await explain(['globex'], twoBackends);
  expect(code).toBe(0);
  expect(keys).toEqual([
    {
      key: 'globex',
      reason: 'route',
      because: 'a configured route (SIGNALBOX_ROUTES)',
      backends: [
        {
          name: 'standard',
          url: 'https://api.braintrust.example/otel/v1/traces',
          writes: { 'signalbox.route': 'globex' },
          parent: 'project_name:checkout',
          omits: ['braintrust.parent'],
          ...unviewed,
        },
        {
          name: 'byoc-acme',
          url: 'https://acme.example/in?****',
          writes: { 'signalbox.route': 'globex' },
          omits: [],
          ...unviewed,
        },
      ],
    },
  ]);
});

test("without routes a backend's own name is its key", async () => {
  const { SIGNALBOX_ROUTES: _, ...env } = twoBackends;
  const { keys } = await explain(['byoc-acme'], env);
  expect(keys[0]).toMatchObject({ reason: 'own_name', backends: [{ name: 'byoc-acme' }] });
});

test('an unknown key is dropped, and so a problem', async () => {
  const { code, keys } = await explain(['acme', 'nobody'], twoBackends);
  expect(code).toBe(1);
  expect(keys.map(({ dropped }) => dropped)).toEqual([undefined, 'unknown_route']);
});

test('an unknown key may follow the default route, whose own key is then written', async () => {
  const env = { ...twoBackends, SIGNALBOX_UNKNOWN_ROUTE: 'default' };
  const { code, keys } = await explain(['nobody'], env);
  expect(code).toBe(0);
  expect(keys[0]).toMatchObject({
    reason: 'default',
    backends: [{ name: 'standard', writes: { 'signalbox.route': 'standard' } }],
  });
});

test('says of each invalid key why it is none', async () => {
  const invalid: Readonly<Record<string, string>> = {
    '': 'empty',
    '-acme': 'does not begin with a letter or digit',
    'acme corp': 'characters other than',
    ['a'.repeat(129)]: '129 characters',
  };
  const { code, keys } = await explain(['--', ...Object.keys(invalid)], twoBackends);
  expect(code).toBe(1);
  for (const { key, reason, because } of keys) {
    expect(reason).toBe('unknown');
    expect(because).toContain(invalid[key ?? ''] ?? 'a key that was not asked for');
  }
});

test('a key that no route knows leads to the backend that the template makes for it', async () => {
  const env = {
    ...twoBackends,
    SIGNALBOX_TEMPLATE_ENDPOINT: 'https://{route}.data.example',
    SIGNALBOX_TEMPLATE_API_KEY: 'secret-of-template',
  };
  const { code, keys } = await explain(['acme', 'initech', 'Not_A_Label'], env);
  expect(code).toBe(1);
  expect(keys.map(({ reason, dropped }) => [reason, dropped])).toEqual([
    ['route', undefined],
    ['template', undefined],
    ['unknown', 'unknown_route'],
  ]);
  expect(keys[1]?.backends).toEqual([
    {
      name: 'template/initech',
      url: 'https://initech.data.example/v1/traces',
      writes: { 'signalbox.route': 'initech' },
      omits: [],
      ...unviewed,
    },
  ]);
  expect(keys[1]?.because).toContain('SIGNALBOX_TEMPLATE_ENDPOINT');
});

test('without keys all that are configured are explained, and requests without one', async () => {
  const { SIGNALBOX_DEFAULT_ROUTE: _, ...env } = twoBackends;
  const { code, keys } = await explain([], env);
  expect(code).toBe(0);
  expect(keys.map(({ key, dropped }) => [key, dropped])).toEqual([
    ['acme', undefined],
    ['globex', undefined],
    [null, 'no_route'],
  ]);
});

test('fits a terminal of 80 columns', async () => {
  const { stdout } = await onTerminal(['explain'], { ...twoBackends, NO_COLOR: '1' });
  expect(Math.max(...stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  expect(stdout).toContain('omits    braintrust.parent (standard)');
});

test('says what a backend may see', async () => {
  const env = {
    ...twoBackends,
    NO_COLOR: '1',
    SIGNALBOX_BACKEND_STANDARD_FILTER: 'ai',
    SIGNALBOX_BACKEND_STANDARD_DROP_ATTRIBUTES: 'db.*',
    SIGNALBOX_BACKEND_STANDARD_HASH_ATTRIBUTES: 'user.id',
    SIGNALBOX_BACKEND_STANDARD_HASH_KEY: 'a key of thirty-two bytes or more',
    SIGNALBOX_BACKEND_STANDARD_TRUNCATE_ATTRIBUTES: 'prompt=9',
  };
  const { stdout } = await onTerminal(['explain', 'globex'], env);
  for (const line of [
    'sends    spans of AI alone (standard)',
    'omits    db.* (standard)',
    'hashes   user.id (standard)',
    'cuts     prompt at 9 characters (standard)',
  ]) {
    expect(stdout).toContain(line);
  }
  expect(stdout).not.toContain('thirty-two');
});

test('says the role, the share and the standby of each backend, and that a shadow has none', async () => {
  const backend = (name: string, more = '') =>
    `{ preset: braintrust, endpoint: https://${name}.example, api_key: k, parent: 'project_name:own'${more} }`;
  const config = temporaryFile(
    'signalbox.yaml',
    `routes:
  acme: [{ backend: new, share: 10% }, { backend: old, share: 90% }]
  globex: [old, { backend: new, role: shadow, share: 5% }]
route_parents: { globex: 'project_name:globex' }
backends:
  old: ${backend('old')}
  new: ${backend('new', ', standby: spare')}
  spare: ${backend('spare')}
`,
  );
  const { stdout } = await onTerminal(['explain', '--config', config], {}, 200);
  for (const line of [
    'new  https://new.example/otel/v1/traces  (10% of the traces, standby spare)',
    'old  https://old.example/otel/v1/traces  (90% of the traces)',
    'new  https://new.example/otel/v1/traces  (as a shadow, 5% of the traces)',
    'under    project_name:globex',
  ]) {
    expect(stdout).toContain(line);
  }
});

test('says which class a key requires, and which its backends have', async () => {
  const env = {
    ...twoBackends,
    SIGNALBOX_BACKEND_STANDARD_CLASS: 'us',
    SIGNALBOX_BACKEND_BYOC_ACME_CLASS: 'eu',
    SIGNALBOX_ROUTE_CLASSES: 'acme=eu',
  };
  const { keys } = await explain(['acme', 'globex'], env);
  expect(keys.map(({ requires, backends }) => [requires, backends.map((to) => to.class)])).toEqual([
    ['eu', ['eu']],
    [undefined, ['us', 'eu']],
  ]);
  const { stdout } = await onTerminal(['explain', 'acme'], { ...env, NO_COLOR: '1' });
  expect(stdout).toContain('byoc-acme  https://acme.example/in?****  (class eu)');
  expect(stdout).toMatch(/requires +backends of the class eu \(SIGNALBOX_ROUTE_CLASSES\)/);
});

test('a wrong configuration is reported as check reports it', async () => {
  const { code, stdout } = await signalbox(['explain', 'acme', '--json'], {});
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, problems: [expect.anything()] });
});

describe('with --stats', () => {
  let service: Service | undefined;
  afterEach(() => service?.stop());

  const exporter = () => ({
    export: (_: unknown, callback: (result: { code: number }) => void) => callback({ code: 0 }),
    async shutdown() {},
  });

  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/?token=secret-in-query`;
  }

  async function serveDecisions(): Promise<string> {
    service = startService({
      backends: { standard: { exporter: exporter() }, byoc: { exporter: exporter() } },
      routes: { acme: ['byoc'], globex: ['standard', 'byoc'] },
      defaultRoute: 'standard',
    });
    const { processor, inSpan } = service;
    const url = await serve(statsHandler(processor));
    withBoundary(() => inSpan('request', () => setRoute('acme')));
    withRoute('nobody', () => inSpan('job', () => {}));
    inSpan('unkeyed', () => {});
    return url;
  }

  test('a running service says when, where and to what it decided, the newest first', async () => {
    const { code, service: told } = await explain(['--stats', await serveDecisions()], {});
    expect(code).toBe(0);
    expect(told).toEqual({
      decisions: [
        expect.objectContaining({ outcome: 'settled', by: 'default', backends: ['standard'] }),
        expect.objectContaining({ by: 'withRoute', key: 'nobody', dropped: 'unknown_route' }),
        expect.objectContaining({
          outcome: 'decided',
          by: 'boundary',
          key: 'acme',
          backends: ['byoc'],
          traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
        }),
      ],
    });
  });

  test('beside a key, only the decisions for it are shown', async () => {
    const url = await serveDecisions();
    const { keys, service: told } = await explain(['acme', '--stats', url], twoBackends);
    expect(keys).toHaveLength(1);
    expect(told).toMatchObject({ decisions: [{ key: 'acme' }] });
  });

  test('fits a terminal of 80 columns', async () => {
    const url = await serveDecisions();
    const { stdout } = await onTerminal(['explain', '--stats', url], { NO_COLOR: '1' });
    expect(Math.max(...stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(stdout).toContain('unknown_route');
  });

  test('words of the service do not steer the terminal', async () => {
    const decision = { at: 0, outcome: '\u001b[2J', by: 'boundary\n', key: '\u001b]0;title\u0007' };
    const url = await serve((_, response) =>
      response.end(JSON.stringify({ recentDecisions: [decision] })),
    );
    const { code, stdout } = await onTerminal(['explain', '--stats', url], { NO_COLOR: '1' });
    expect(code).toBe(0);
    expect(stdout).toContain('boundary');
    expect(stdout).not.toContain('\u001b');
    expect(stdout).not.toContain('\u0007');
  });

  test.each([
    ['ftp://user:secret-word@h.example/?secret-query', 'begins with http:// or https://'],
    ['http://user:secret-word@h.example/', 'a user or a password in it is not taken'],
    ['secret-text', 'begins with http:// or https://'],
  ])('refuses %s, and does not repeat it', async (url, why) => {
    const { code, stdout, stderr } = await signalbox(['explain', '--stats', url]);
    expect(code).toBe(2);
    expect(stderr).toContain(`error: --stats: `);
    expect(stderr).toContain(why);
    expect(stdout + stderr).not.toContain('secret-');
  });

  test('reads no more than so much of an answer that does not end', async () => {
    const url = await serve((_, response) => endless(response));
    const { code, service: told } = await explain(['--stats', url], {});
    expect(code).toBe(1);
    expect(told).toEqual({ problem: expect.stringContaining('too large') });
  });

  test.each<[string, RequestListener]>([
    ['answers with a failure', (_, response) => void response.writeHead(500).end()],
    ['is something else', (_, response) => void response.end('<html>')],
    ['redirects', (_, response) => void response.writeHead(302, { location: '/' }).end()],
    ['closes the connection', (request) => void request.socket.destroy()],
  ])('a service that %s is a problem, told without secrets', async (_, listener) => {
    const { code, service: told } = await explain(['--stats', await serve(listener)], {});
    expect(code).toBe(1);
    expect(told).toEqual({ problem: expect.stringContaining('http://127.0.0.1:') });
    expect(JSON.stringify(told)).not.toContain('secret');
  });
});

test('a Collector that has the routes is told every key, and leaves requests without one to itself', async () => {
  const env = {
    SIGNALBOX_BACKENDS: 'fleet',
    SIGNALBOX_DEFAULT_ROUTE: 'fleet',
    SIGNALBOX_BACKEND_FLEET_PRESET: 'collector',
    SIGNALBOX_BACKEND_FLEET_ENDPOINT: 'http://agents.example:4318',
  };
  const { code, keys } = await explain(['acme'], env);
  expect({ code, keys }).toMatchObject({
    code: 0,
    keys: [{ reason: 'collector', backends: [{ writes: { 'signalbox.route': 'acme' } }] }],
  });
  const all = await explain([], env);
  expect(all.keys.find(({ key }) => key === null)).toMatchObject({
    reason: 'default',
    backends: [{ writes: {}, omits: ['signalbox.route'] }],
  });
  const invalid = await explain(['no key'], env);
  expect(invalid).toMatchObject({ code: 1, keys: [{ dropped: 'unknown_route' }] });
});
