// @ts-check
// SDK 3 has no sdk-trace-base and no sdk-trace-node. The suite's own files import them, and get these in their place,
// under names of their own: signalbox itself must find what an application with SDK 3 has, and nothing else.

import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const base = `
import * as sdk from '@opentelemetry/sdk-trace';
export * from '@opentelemetry/sdk-trace';
export const BasicTracerProvider = sdk.TracerProvider;
export class SimpleSpanProcessor extends sdk.SimpleSpanProcessor {
  constructor(exporter) {
    super({ exporter });
  }
}
export class BatchSpanProcessor extends sdk.BatchSpanProcessor {
  constructor(exporter, options) {
    super({ ...options, exporter });
  }
}
`;

const node = `
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from '@opentelemetry/core';
import { TracerProvider } from '@opentelemetry/sdk-trace';
export * from 'stand-in-sdk-trace-base';
export class NodeTracerProvider extends TracerProvider {
  register({ contextManager, propagator } = {}) {
    trace.setGlobalTracerProvider(this);
    if (contextManager !== null) {
      context.setGlobalContextManager(
        contextManager ?? new AsyncLocalStorageContextManager().enable(),
      );
    }
    if (propagator === null) return;
    const propagators = [new W3CTraceContextPropagator(), new W3CBaggagePropagator()];
    propagation.setGlobalPropagator(propagator ?? new CompositePropagator({ propagators }));
  }
}
`;

/** @param {string} tree - A copy with SDK 3, whose files are changed. */
export function useStandIns(tree) {
  for (const [name, text] of Object.entries({ base, node })) {
    const folder = join(tree, 'node_modules', `stand-in-sdk-trace-${name}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "type": "module", "exports": "./index.js" }');
    writeFileSync(join(folder, 'index.js'), text);
  }
  const entries = ['test', 'examples'].flatMap((folder) =>
    readdirSync(join(tree, folder), { recursive: true, encoding: 'utf8' })
      .filter((entry) => /\.(ts|mjs)$/.test(entry))
      .map((entry) => join(tree, folder, entry)),
  );
  // Its sample is run too.
  for (const path of [join(tree, 'README.md'), ...entries]) {
    if (!statSync(path).isFile()) continue;
    const text = readFileSync(path, 'utf8');
    const changed = text.replace(
      /(from '|import\(')@opentelemetry\/(sdk-trace-(?:base|node))'/g,
      "$1stand-in-$2'",
    );
    if (changed !== text) writeFileSync(path, changed);
  }
}
