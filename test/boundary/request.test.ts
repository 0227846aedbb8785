import { EventEmitter } from 'node:events';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createRequestBoundary,
  type RouteAnswer,
  type RouteRequestsOptions,
} from '../../src/boundary/request.js';
import { getRoute, setRoute, withBoundary, withRoute } from '../../src/index.js';
import { eventually } from '../helpers/eventually.js';
import { deferred, startTenants, type Tenants } from './contract.js';

let tenants: Tenants;

beforeEach(() => {
  tenants = startTenants();
});

afterEach(async () => {
  diag.disable();
  await tenants.service.stop();
});

function span(name: string): void {
  tenants.service.inSpan(name, () => {});
}

function decisions() {
  return tenants.service.processor.stats().decisions;
}

/** Runs one request, which closes when the returned function is called. */
function runRequest(
  options: RouteRequestsOptions<object>,
  next: () => void,
  request: object = {},
): () => void {
  const response = new EventEmitter();
  const onClose = (closed: () => void) => response.once('close', closed);
  createRequestBoundary(options).run(request, request, onClose, next);
  return () => response.emit('close');
}

/** As query builders have it: it runs when it is awaited. */
class LazyQuery {
  constructor(readonly result: string) {}
  // biome-ignore lint/suspicious/noThenProperty: this is what makes it one.
  then(done: (result: string) => void): void {
    done(this.result);
  }
}

describe('a request’s boundary', () => {
  it('shares the decision of the server span that was there before it', async () => {
    const tenant = deferred<string>();
    const close = tenants.service.inSpan('server', () => {
      span('earlier');
      return runRequest({ route: () => tenant.promise }, () => span('work'));
    });
    close();
    tenant.resolve('acme');

    expect(await tenants.arrived()).toEqual({ acme: ['earlier', 'work', 'server'] });
    expect(decisions()).toMatchObject({ decided: 1, settled: 0 });
  });

  it('is held until the response has closed', async () => {
    const close = runRequest({ route: () => undefined }, () => span('work'));
    expect(tenants.service.processor.stats().parked).toBe(1);
    close();
    expect(decisions().settled).toBe(1);
    expect(await tenants.arrived()).toEqual({ standard: ['work'] });
  });

  it('opens a decision of its own for each of several under one span', async () => {
    const closings = tenants.service.inSpan('batch', () =>
      ['acme', 'globex'].map((tenant) => runRequest({ route: () => tenant }, () => span('work'))),
    );
    for (const close of closings) close();
    expect(await tenants.arrived()).toEqual({ acme: ['work', 'batch'], globex: ['work'] });
  });

  it('is entered again where something has lost its context, and kept where a scope is inside it', async () => {
    const request = {};
    const options = { route: () => 'acme' };
    runRequest(
      options,
      () => {
        withRoute('globex', () => runRequest(options, () => span('in a scope'), request));
      },
      request,
    )();
    runRequest(options, () => span('lost'), request);

    expect(await tenants.arrived()).toEqual({ acme: ['lost'], globex: ['in a scope'] });
  });

  it('is shared by withBoundary inside it, and by one around it', async () => {
    const close = withBoundary(() => {
      span('around');
      return runRequest({ route: () => undefined }, () => {
        withBoundary(() => {
          span('inside');
          setRoute('acme');
        });
      });
    });
    close();
    expect(await tenants.arrived()).toEqual({ acme: ['around', 'inside'] });
    expect(decisions()).toMatchObject({ decided: 1, settled: 0, conflict: 0 });
  });

  it.each<[string, unknown, RouteAnswer]>([
    ['null', null, undefined],
    ['a promise of null', Promise.resolve(null), undefined],
    ['another library’s promise', new LazyQuery('acme'), 'acme'],
  ])('takes %s for an answer', async (_what, answer, expected) => {
    const close = runRequest({ route: () => answer as string }, () => span('work'));
    await Promise.resolve();
    close();
    expect(await tenants.arrived()).toEqual({ [expected ?? 'standard']: ['work'] });
  });

  it.each<[string, unknown]>([
    ['empty text', ''],
    ['a number', 7],
    ['an object', {}],
    ['text that is no key', 'acme, globex'],
  ])('drops the spans of a request whose answer is %s as unknown_route', async (_what, answer) => {
    runRequest({ route: () => answer as string }, () => span('work'))();
    expect(await tenants.arrived()).toEqual({});
    expect(tenants.service.processor.stats()).toMatchObject({
      decisions: { unknown: 1, unresolved: 0 },
      dropped: { unknown_route: 1 },
    });
  });

  it('drops the unkeyed spans of what a failed request has opened inside it', async () => {
    const fails = () => {
      throw new Error('thrown');
    };
    runRequest({ route: fails }, () => {
      withBoundary(() => span('first'));
      withBoundary(() => span('beside it'));
      withRoute('acme', () => span('keyed'));
    })();
    expect(await tenants.arrived()).toEqual({ acme: ['keyed'] });
    expect(tenants.service.processor.stats().dropped).toEqual({ no_route: 1, ambiguous: 1 });
  });

  it('goes on where the request object takes no property', () => {
    const request = Object.freeze({});
    runRequest({ route: () => 'acme' }, () => expect(getRoute()).toBe('acme'), request);
  });

  it('refuses wrong options as it is made', () => {
    const create = (options: object) => () => createRequestBoundary(options as never);
    expect(create({})).toThrow(TypeError);
    expect(create({ route: 'x-tenant' })).toThrow('needs route');
    expect(create({ route: () => 'acme', onError: 'throw' })).toThrow('onError');
  });
});

describe('the log', () => {
  it('tells of failures and of missing keys once a minute, without the error’s message', async () => {
    const warn = vi.fn();
    const logger = { warn, error: warn, info() {}, debug() {}, verbose() {} };
    diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
    for (let n = 0; n < 3; n += 1) {
      runRequest({ route: () => Promise.reject(new RangeError('Bearer secret')) }, () => {})();
      runRequest({ route: () => undefined }, () => {})();
    }
    await eventually(() => decisions().failed === 3);

    expect(decisions()).toMatchObject({ failed: 3, unresolved: 3 });
    const lines = warn.mock.calls.map(([line]) => String(line));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('found no route key');
    expect(lines[1]).toContain('failed for a request (RangeError)');
    expect(lines.join()).not.toContain('secret');
  });
});
