// @ts-check

import { told } from '../scenario.mjs';

/** The encoder alone. @param {import('../scenario.mjs').Size} size @returns {import('../scenario.mjs').Scenario} */
export function encoding(size) {
  const spec = { passes: size(30, 3), batches: size(40, 3) };
  return {
    name: 'encoding',
    title: 'Encoding, batches of 512, against the official serializer',
    runs: { both: { script: 'serializers.mjs', spec } },
    rows: [
      {
        label: 'protobuf, CPU per span',
        unit: 'µs',
        peer: told('both', 'protobuf'),
        signalbox: (round) => round.both?.ownProtobuf,
        goal: 1 / 5,
        plot: true,
      },
      {
        label: 'JSON, CPU per span',
        unit: 'µs',
        peer: told('both', 'json'),
        signalbox: (round) => round.both?.ownJson,
        goal: 1 / 2,
        plot: true,
      },
    ],
  };
}
