import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They need Chromium, and Go: npm run test:browser, npm run test:interop.
    exclude: ['test/browser/**', 'test/interop/**'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A few tests wait for real time-outs: their files run beside others, also on two cores.
    maxWorkers: 2,
  },
});
