// @ts-check
// Next.js calls this once, as its server starts.

export async function register() {
  if (process.env.NEXT_RUNTIME === 'nodejs') await import('./instrumentation.node.mjs');
}
