import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A page that stands for the built one. */
export function makePage(): { readonly directory: string; readonly remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-page-'));
  mkdirSync(join(directory, 'assets'));
  writeFileSync(join(directory, 'index.html'), '<!doctype html><title>signalbox</title>');
  writeFileSync(join(directory, 'assets', 'page.js'), '');
  return { directory, remove: () => rmSync(directory, { recursive: true }) };
}
