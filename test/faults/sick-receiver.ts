import type { IncomingMessage } from 'node:http';
import type { TlsOptions } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { ReceivedRequest, ReceivedSpan } from '../../src/receiver/received.js';
import { type Answer, createReceiver } from '../../src/receiver/receiver.js';

/** What a backend can suffer from, until it is healed. Nothing of it is final: a span can be lost by no more than a bug. */
export const SICKNESSES = [
  'hangs',
  'resets',
  'loses answers',
  'throttles',
  'is unavailable',
  'is slow',
  'takes little',
] as const;

export type Sickness = (typeof SICKNESSES)[number];

/** How many spans a request may have where a backend takes little. */
const FEW = 4;
const SLOW_MS = 150;

/** What has come to one backend. */
export interface Arrivals {
  /** How often each span was read, by its number. */
  readonly read: readonly (number | undefined)[];
  /** How often each was answered with success. */
  readonly acknowledged: readonly (number | undefined)[];
  /** Spans that were another backend's. */
  readonly foreign: number;
}

/** A receiver for many backends, each with a sickness of its own. */
export interface SickReceiver {
  readonly url: string;
  readonly port: number;
  /** Gives a backend a sickness, or, without one, its health. */
  afflict(backend: string, sickness?: Sickness): void;
  arrivals(backend: string): Arrivals;
}

interface Entry {
  sickness: Sickness | undefined;
  readonly read: number[];
  readonly acknowledged: number[];
  foreign: number;
}

/** Starts a receiver that lasts as long as its test, all of its backends in good health. It keeps no more than counts. */
export async function startSickReceiver(tls?: TlsOptions): Promise<SickReceiver> {
  const entries = new Map<string, Entry>();

  function entryOf(backend: string): Entry {
    const entry = entries.get(backend) ?? {
      sickness: undefined,
      read: [],
      acknowledged: [],
      foreign: 0,
    };
    entries.set(backend, entry);
    return entry;
  }

  async function answer({ backend = '', spans }: ReceivedRequest): Promise<Answer | 'none'> {
    const entry = entryOf(backend);
    entry.foreign += spans.filter(({ name }) => name !== backend).length;
    const numbers = spans.map(numberOf);
    count(entry.read, numbers);
    const given = await actOut(entry.sickness, spans.length);
    if (given !== 'none' && given.status === undefined) count(entry.acknowledged, numbers);
    return given;
  }

  function intercept(request: IncomingMessage): boolean {
    const [, backend = ''] = (request.url ?? '').split('/');
    if (entryOf(backend).sickness !== 'resets') return false;
    request.once('data', () => request.destroy());
    return true;
  }

  const receiver = createReceiver({ answer, intercept, ...(tls !== undefined && { tls }) });
  onTestFinished(() => receiver.stop());
  return {
    ...(await receiver.start()),
    afflict(backend, sickness) {
      entryOf(backend).sickness = sickness;
    },
    arrivals: entryOf,
  };
}

async function actOut(sickness: Sickness | undefined, spans: number): Promise<Answer | 'none'> {
  switch (sickness) {
    case 'hangs':
      return new Promise(() => {});
    case 'loses answers':
      return 'none';
    case 'throttles':
      return { status: 429, headers: { 'retry-after': '1' } };
    case 'is unavailable':
      return { status: 503 };
    case 'is slow':
      await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
      return {};
    case 'takes little':
      return spans > FEW ? { status: 413 } : {};
    default:
      return {};
  }
}

function count(counts: number[], numbers: readonly number[]): void {
  for (const number of numbers) counts[number] = (counts[number] ?? 0) + 1;
}

function numberOf({ attributes }: ReceivedSpan): number {
  const value = attributes.find(({ key }) => key === 'soak.number')?.value;
  if (value?.type !== 'int') throw new Error('a span without a number');
  return Number(value.value);
}
