import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { decodeSpoolFile, type SpoolFile } from '../../src/exporter/spool/spool-file.js';
import { decodeRequest } from '../../src/receiver/decode.js';
import { startReceiver } from '../helpers/receiver.js';
import { runs } from '../helpers/runs.js';
import { ageOwners, listBatches, makeSpoolDir } from '../helpers/spool-dir.js';
import { fixture, startNode } from './child.js';

const { parameters, timeoutMs } = runs(50);
const KILLS = parameters.numRuns ?? 50;
/** Longest that a process lives, once it works. */
const LIFE_MS = 300;

/** Spans that came in one request, and were not refused. */
interface Arrival {
  readonly round: number;
  /** Whether its sender was never answered. */
  readonly isLost: boolean;
}

/** A file that was whole on disk when a process had been killed. */
interface FoundFile {
  readonly round: number;
  readonly ids: readonly string[];
}

it(
  `loses nothing that was on disk when its process was killed, ${KILLS} times`,
  async () => {
    const spoolDir = makeSpoolDir();
    const arrivals = new Map<string, Arrival[]>();
    const found: FoundFile[] = [];
    let round = 0;
    let isWell = false;
    const receiver = await startReceiver({
      answer({ spans }) {
        const chance = isWell ? 1 : Math.random();
        if (chance < 0.35) return { status: 503 };
        const arrival = { round, isLost: chance < 0.5 };
        for (const { spanId } of spans) {
          const before = arrivals.get(spanId) ?? [];
          arrivals.set(spanId, [...before, arrival]);
        }
        return arrival.isLost ? 'none' : undefined;
      },
    });
    onTestFinished(() => receiver.stop());
    const env = {
      SIGNALBOX_BACKENDS: 'sick',
      SIGNALBOX_DEFAULT_ROUTE: 'sick',
      SIGNALBOX_BACKEND_SICK_ENDPOINT: receiver.url,
      SIGNALBOX_BACKEND_SICK_SPOOL_DIR: spoolDir,
      SIGNALBOX_BACKEND_SICK_SCHEDULE_DELAY: '5',
      SIGNALBOX_BACKEND_SICK_MAX_EXPORT_BATCH_SIZE: '40',
      SIGNALBOX_BACKEND_SICK_MAX_QUEUE_SIZE: '200',
      SIGNALBOX_BACKEND_SICK_RETRY_MAX_ELAPSED: '20',
    };

    for (round = 1; round <= KILLS; round += 1) {
      const child = startNode([fixture('spool-service.mjs')], env);
      await child.receive();
      // What is tested is that the moment does not matter.
      await wait(Math.random() * LIFE_MS);
      child.kill('SIGKILL');
      await child.ended;
      for (const file of readWhole(spoolDir)) found.push({ round, ids: idsOf(file) });
      ageOwners(spoolDir);
    }

    isWell = true;
    const last = startNode([fixture('spool-service.mjs'), 'drain'], env);
    for (;;) {
      const stats = (await last.receive()) as {
        recovered: number;
        spooled: number;
        inFlight: number;
      };
      if (stats.recovered > 0 && stats.spooled + stats.inFlight === 0) break;
    }
    last.send('stop');
    await last.ended;

    const onDisk = new Set(found.flatMap(({ ids }) => ids));
    expect(onDisk.size).toBeGreaterThan(KILLS);
    expect([...onDisk].filter((id) => !arrivals.has(id))).toEqual([]);
    expect(listBatches(spoolDir)).toEqual([]);

    // An answer is lost where the receiver gave none, or where its process was killed before the file was gone.
    const unanswered = found.filter(({ round: killed, ids }) =>
      ids.some((id) => arrivals.get(id)?.some((each) => each.round === killed && !each.isLost)),
    );
    const killedRounds = unanswered.map((file) => file.round);
    expect(new Set(killedRounds).size).toBe(killedRounds.length);
    const excused = new Set(
      unanswered.flatMap(({ round: killed, ids }) => ids.map((id) => `${killed} ${id}`)),
    );
    for (const [id, each] of arrivals) {
      const answered = each.slice(0, -1).filter(({ isLost }) => !isLost);
      const unexcused = answered.filter((arrival) => !excused.has(`${arrival.round} ${id}`));
      expect(unexcused, `arrivals of ${id} after its answer`).toEqual([]);
    }
  },
  timeoutMs * 2,
);

function readWhole(spoolDir: string): SpoolFile[] {
  return listBatches(spoolDir).map((file) => {
    const decoded = decodeSpoolFile(readFileSync(file));
    // A file has its name only when it is whole.
    if (decoded === undefined) throw new Error(`${file} is torn`);
    return decoded;
  });
}

function idsOf({ contentType, body }: SpoolFile): string[] {
  const spans = decodeRequest(contentType, body);
  if (spans instanceof Error) throw spans;
  return spans.map(({ spanId }) => spanId);
}
