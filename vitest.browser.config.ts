import { defineConfig } from 'vitest/config';

/** The tests that need Chromium; and, with `--mode screenshots`, the pictures in docs/. */
export default defineConfig(({ mode }) => ({
  test: {
    include: mode === 'screenshots' ? ['test/browser/screenshots.ts'] : ['test/browser/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // One browser is enough for two cores.
    maxWorkers: 1,
  },
}));
