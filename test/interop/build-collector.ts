import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { buildWithGo } from './go.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the Collector. */
    readonly collector: string;
  }
}

const MINUTE_MS = 60_000;

/** Builds the Collector before the first test: without it there is nothing to test. */
export default function setup(project: TestProject): void {
  const built = buildWithGo({
    name: 'otelcol',
    directory: fileURLToPath(new URL('collector', import.meta.url)),
    files: ['main.go', 'go.mod', 'go.sum'],
    target: '.',
    timeoutMs: 15 * MINUTE_MS,
  });
  if ('fault' in built) throw new Error(built.fault);
  project.provide('collector', built.path);
}
