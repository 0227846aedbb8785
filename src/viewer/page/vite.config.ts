import { defineConfig } from 'vite';

/** Builds the page that `signalbox sink` serves, into the package's own dist. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  // Oxc compiles JSX; Preact needs no plugin.
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../../dist/viewer/page',
    emptyOutDir: true,
    target: 'es2023',
    // The page's policy takes no data: URLs, and browsers that need the polyfill are not among its targets.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
