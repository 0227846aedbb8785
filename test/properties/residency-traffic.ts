import { randomBytes } from 'node:crypto';
import { context, ROOT_CONTEXT, type Span, type Tracer, trace } from '@opentelemetry/api';
import fc from 'fast-check';
import { createKeySigner } from '../../src/boundary/signed-key.js';
import { RoutePropagator, setRoute, withBoundary, withRoute } from '../../src/index.js';
import { HOST, received, SECRET } from '../boundary/calls.js';
import { keys } from './residency-setups.js';

/** What an application does. */
export type Work =
  | { readonly kind: 'keyed' | 'nested'; readonly key: string; readonly inner: string }
  | { readonly kind: 'boundary' | 'late' | 'wire' | 'open'; readonly key: string }
  | { readonly kind: 'unkeyed' | 'close' | 'turn' }
  | { readonly kind: 'update'; readonly to: number };

const key = fc.constantFrom(...keys, ...keys, 'other', 'no key!');

export const work: fc.Arbitrary<Work> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('keyed', 'nested'), key, inner: key }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('boundary', 'late', 'wire', 'open'), key }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('unkeyed', 'close', 'turn') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('update'), to: fc.nat(3) }) },
);

/** Whose a span is: of which key, decided under which configuration. */
export interface Truth {
  /** `undefined` for a span that no key came for, or not in time. */
  readonly key: string | undefined;
  readonly setup: number;
}

const signer = createKeySigner({ secret: SECRET, previousSecret: undefined, epochMs: Date.now });
const propagator = new RoutePropagator({ secret: SECRET, hosts: [HOST] });

/** Makes spans of an application, and keeps whose each of them is by its name. */
export function createApplication(tracer: Tracer, canPark: boolean, prefix: string) {
  const truths = new Map<string, Truth>();
  const open: { readonly span: Span; readonly truth: Truth }[] = [];
  let count = 0;

  function start(truth: Truth, parent = context.active()): Span {
    count += 1;
    const name = `${prefix}${count}`;
    truths.set(name, truth);
    return tracer.startSpan(name, {}, parent);
  }

  function close(): void {
    for (const { span, truth } of open.splice(0)) {
      start(truth, trace.setSpan(ROOT_CONTEXT, span)).end();
      span.end();
    }
  }

  /** One piece of work, under the configuration of this number. */
  function run(work: Exclude<Work, { kind: 'update' | 'turn' }>, setup: number): void {
    const of = (ofKey?: string): Truth => ({ key: ofKey, setup });
    switch (work.kind) {
      case 'keyed':
        withRoute(work.key, () => start(of(work.key)).end());
        return;
      case 'nested':
        withRoute(work.key, () => {
          const outer = start(of(work.key));
          context.with(trace.setSpan(context.active(), outer), () =>
            withRoute(work.inner, () => start(of(work.inner)).end()),
          );
          outer.end();
        });
        return;
      case 'boundary':
        withBoundary(() => {
          start(of(canPark ? work.key : undefined)).end();
          setRoute(work.key);
          start(of(work.key)).end();
        });
        return;
      case 'late': {
        const root = start(of());
        root.end();
        context.with(trace.setSpan(ROOT_CONTEXT, root), () => {
          setRoute(work.key);
          start(of(work.key)).end();
        });
        return;
      }
      case 'wire': {
        // What is no key can not be signed; nothing comes then.
        if (work.key === 'no key!') return;
        const traceId = randomBytes(16).toString('hex');
        start(of(work.key), received(propagator, signer.sign(work.key, traceId), traceId)).end();
        return;
      }
      case 'open': {
        const truth = of(work.key);
        const span = start(truth);
        context.with(trace.setSpan(ROOT_CONTEXT, span), () => setRoute(work.key));
        open.push({ span, truth });
        return;
      }
      case 'unkeyed':
        start(of()).end();
        return;
      case 'close':
        close();
    }
  }

  return { truths, run, close };
}
