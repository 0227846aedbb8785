import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { decodeSpoolFile, type SpoolFile } from '../../src/exporter/spool/spool-file.js';

/** A directory that lasts as long as its test. */
export function makeSpoolDir(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'signalbox-spool-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Paths of all files below a directory, which may not be there yet, in the order of their names. */
export function listFiles(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name))
    .sort((a, b) => (path.basename(a) < path.basename(b) ? -1 : 1));
}

/** Paths of the batches among them, those in quarantine left out. */
export function listBatches(directory: string): string[] {
  return listFiles(directory).filter(
    (file) => file.endsWith('.spool') && !file.includes('quarantine'),
  );
}

/** Every batch that is whole on disk. */
export function readBatches(directory: string): SpoolFile[] {
  return listBatches(directory).flatMap((file) => decodeSpoolFile(readFileSync(file)) ?? []);
}

/** Makes every owner of a directory look as if it had released it, or as if it had been gone for some time. */
export function ageOwners(directory: string, goneForMs?: number): void {
  const lastBeat = goneForMs === undefined ? 0 : (Date.now() - goneForMs) / 1000;
  for (const file of listFiles(directory)) {
    if (path.basename(file) === 'heartbeat') utimesSync(file, lastBeat, lastBeat);
  }
}
