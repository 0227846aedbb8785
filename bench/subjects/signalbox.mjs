// @ts-check
// signalbox, through its public API.

import { RoutingSpanProcessor, withRoute } from 'signalbox';
import { backendName, FAN_OUT_KEY } from './subject.mjs';

/** @typedef {import('signalbox').SignalboxConfig} SignalboxConfig */

const AMPLE_BYTES = 4 * 1024 ** 3;
/** A machine that is busy with something else may neither lose a span, nor have one sent again whose answer was slow. */
const PATIENCE_MS = 240_000;

/**
 * @param {import('./subject.mjs').Setup} setup
 * @returns {import('./subject.mjs').Subject}
 */
export function createSubject(setup) {
  const processor = new RoutingSpanProcessor(createConfig(setup));
  return { spanProcessors: [processor], inRoute: withRoute, stats: () => processor.stats() };
}

/**
 * @param {import('./subject.mjs').Setup} setup
 * @returns {SignalboxConfig}
 */
function createConfig(setup) {
  const { receiverUrl, protocol, compression, scheduleDelayMs } = setup;
  const maxBufferedBytes =
    setup.maxBufferedBytes ?? (setup.queues === 'ample' ? AMPLE_BYTES : undefined);
  /** @type {SignalboxConfig['backends']} */
  const backends = {};
  for (let index = 0; index < setup.backends; index += 1) {
    const name = backendName(index);
    backends[name] = {
      endpoint: `${receiverUrl}/${name}`,
      timeoutMs: PATIENCE_MS,
      ...(protocol !== undefined && { protocol }),
      ...(compression !== undefined && { compression }),
      ...(scheduleDelayMs !== undefined && { scheduleDelayMs }),
      ...setup.settings?.[name],
    };
  }
  return {
    backends,
    shutdownTimeoutMs: PATIENCE_MS,
    ...(setup.fanOut === true && { routes: { [FAN_OUT_KEY]: Object.keys(backends) } }),
    ...(setup.routes !== undefined && { routes: setup.routes }),
    ...(setup.routeParents !== undefined && { routeParents: setup.routeParents }),
    ...(maxBufferedBytes !== undefined && { maxBufferedBytes }),
  };
}
