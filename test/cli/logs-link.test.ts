import { describe, expect, test } from 'vitest';
import { logsLink } from '../../src/cli/logs-link.js';
import { readBraintrustApp } from '../../src/config/braintrust-app.js';
import { startFaultReceiver } from '../faults/fault-receiver.js';
import { onTerminal } from './command.js';
import { temporaryFile } from './files.js';

const org = { BRAINTRUST_ORG_NAME: 'acme' };
const link = (parent: string, env: NodeJS.ProcessEnv) => logsLink(parent, readBraintrustApp(env));

describe('the link to a project’s logs', () => {
  test.each([
    ['project_name:checkout', 'https://www.braintrust.dev/app/acme/p/checkout/logs'],
    ['project_name:a/b c?', 'https://www.braintrust.dev/app/acme/p/a%2Fb%20c%3F/logs'],
    ['project_name:eu:checkout', 'https://www.braintrust.dev/app/acme/p/eu%3Acheckout/logs'],
    [
      'project_id:b1&a9',
      'https://www.braintrust.dev/app/acme/object?object_type=project_logs&object_id=b1%26a9',
    ],
    [
      'experiment_id:e7',
      'https://www.braintrust.dev/app/acme/object?object_type=experiment&object_id=e7',
    ],
  ])('of %s', (parent, url) => {
    expect(link(parent, org)).toEqual({ url });
  });

  test('stands under the public URL, then the URL of the app, then Braintrust’s own', () => {
    const app = { BRAINTRUST_APP_URL: 'https://app.internal' };
    const both = { ...app, BRAINTRUST_APP_PUBLIC_URL: ' https://bt.example/braintrust// ' };
    const path = '/app/acme/p/p/logs';
    expect(link('project_name:p', { ...org, ...both })).toEqual({
      url: `https://bt.example/braintrust${path}`,
    });
    expect(link('project_name:p', { ...org, ...app, BRAINTRUST_APP_PUBLIC_URL: '' })).toEqual({
      url: `https://app.internal${path}`,
    });
  });

  test('has the name of the organization encoded', () => {
    expect(link('project_name:p', { BRAINTRUST_ORG_NAME: 'Ärzte & Co/1' })).toEqual({
      url: 'https://www.braintrust.dev/app/%C3%84rzte%20%26%20Co%2F1/p/p/logs',
    });
  });

  test('is missing without the organization, and the answer says what to set', () => {
    expect(link('project_name:p', { BRAINTRUST_ORG_NAME: ' ' })).toEqual({
      missing: 'set BRAINTRUST_ORG_NAME to the name of the organization, for the link',
    });
  });

  test.each(['playground_id:7', 'checkout', 'project_name:', ''])(
    'is missing for the parent %j, which has no logs',
    (parent) => {
      expect(link(parent, org)).toEqual({
        missing: 'no link, as the parent is neither a project nor an experiment',
      });
    },
  );

  test.each([
    ['nowhere', 'is not an http or https URL'],
    ['ftp://bt.example', 'is not an http or https URL'],
    ['https://user:secret-password@bt.example', 'has credentials in its user-info'],
    ['https://bt.example?token=secret-token', 'has a query'],
    ['https://bt.example#secret-part', 'has a fragment'],
  ])('is missing where the public URL is %s, which is not shown', (text, what) => {
    for (const variable of ['BRAINTRUST_APP_PUBLIC_URL', 'BRAINTRUST_APP_URL']) {
      expect(link('project_name:p', { ...org, [variable]: text })).toEqual({
        missing: `no link, as ${variable} ${what} (such as https://www.braintrust.dev)`,
      });
    }
  });
});

describe('probe', () => {
  const braintrust = async () => ({
    SIGNALBOX_BACKENDS: 'bt,other',
    SIGNALBOX_BACKEND_BT_PRESET: 'braintrust',
    SIGNALBOX_BACKEND_BT_ENDPOINT: (await startFaultReceiver()).url,
    SIGNALBOX_BACKEND_BT_API_KEY: 'k',
    SIGNALBOX_BACKEND_BT_PARENT: 'project_name:checkout',
    SIGNALBOX_BACKEND_OTHER_ENDPOINT: (await startFaultReceiver()).url,
  });

  test('prints it for Braintrust backends alone, from the variables of a file too', async () => {
    const file = temporaryFile('.env', 'BRAINTRUST_ORG_NAME=acme\n');
    const args = ['probe', '--env-file', file];
    const env = { ...(await braintrust()), BRAINTRUST_APP_PUBLIC_URL: 'https://bt.example' };
    const { code, stdout } = await onTerminal(args, env);
    expect(code).toBe(0);
    expect(stdout.match(/ logs .*/g)).toEqual([
      expect.stringMatching(/https:\/\/bt\.example\/app\/acme\/p\/checkout\/logs$/),
    ]);
    const json = JSON.parse((await onTerminal([...args, '--json'], env)).stdout);
    expect(json.probes).toEqual([
      expect.objectContaining({ logs: { url: 'https://bt.example/app/acme/p/checkout/logs' } }),
      expect.not.objectContaining({ logs: expect.anything() }),
    ]);
  });

  test('sends the span to the parent of its route, and links there', async () => {
    const receiver = await startFaultReceiver();
    const env = {
      SIGNALBOX_BACKENDS: 'bt',
      SIGNALBOX_ROUTES: 'acme=bt,globex=bt',
      SIGNALBOX_ROUTE_PARENTS: 'acme=project_name:acme,globex=project_name:globex',
      SIGNALBOX_BACKEND_BT_PRESET: 'braintrust',
      SIGNALBOX_BACKEND_BT_ENDPOINT: receiver.url,
      SIGNALBOX_BACKEND_BT_API_KEY: 'k',
      SIGNALBOX_BACKEND_BT_PARENT: 'project_name:checkout',
      BRAINTRUST_ORG_NAME: 'org',
    };
    const { code, stdout } = await onTerminal(['probe', '--route', 'globex'], env);
    expect(code).toBe(0);
    expect(stdout).toContain('/app/org/p/globex/logs');
    expect((await onTerminal(['probe'], env)).stdout).toContain('/app/org/p/acme/logs');
    expect(receiver.requests.map(({ headers }) => headers['x-bt-parent'])).toEqual([
      'project_name:globex',
      'project_name:acme',
    ]);
  });

  test('says what is missing for it, which is no failure', async () => {
    const { code, stdout } = await onTerminal(['probe'], await braintrust());
    expect(code).toBe(0);
    expect(stdout).toContain('set BRAINTRUST_ORG_NAME');
  });
});
