#!/usr/bin/env node
import { run } from './program.js';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads may have seen enough, as `head` has.
  if (error.code === 'EPIPE') return;
  process.stderr.write(`signalbox: the output can not be written (${error.code ?? error.name})\n`);
  process.exitCode = 1;
});
// There is nowhere left to tell of it, and the exit code is to say what the command has found.
process.stderr.on('error', () => {});

void run(process.argv.slice(2), process).then((code) => {
  process.exitCode ||= code;
});
