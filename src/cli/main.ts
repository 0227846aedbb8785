#!/usr/bin/env node
import { run } from './program.js';

// Whoever reads may have seen enough, as `head` has.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

void run(process.argv.slice(2), process).then((code) => {
  process.exitCode = code;
});
