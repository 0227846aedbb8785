import { defineConfig } from 'vitest/config';

/** The tests against other people's receivers, which need Go; see CONTRIBUTING.md. */
export default defineConfig({
  test: {
    include: ['test/interop/*.test.ts'],
    globalSetup: ['test/interop/build-collector.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Each has processes of its own; one after the other is enough for two cores.
    maxWorkers: 1,
    // What could not be installed says so in its own words.
    disableConsoleIntercept: true,
  },
});
