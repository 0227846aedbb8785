import type { Attributes, Span } from '@opentelemetry/api';
import type { HostileWrite } from './operation.js';

// Keys that lead somewhere in most tables: had they any power, the span would arrive there.
const FORGED = 'globex';

/** Writes to a span what only signalbox should write. */
export function writeHostile(span: Span, write: HostileWrite): void {
  switch (write) {
    case 'flood':
      for (let i = 0; i < 200; i += 1) span.setAttribute(`flood.${i}`, i);
      break;
    case 'object':
      // No part of the API, but the SDK's spans have it.
      if ('attributes' in span) Object.assign(Object(span.attributes), forgedAttributes());
      break;
    case 'setAttributes':
      span.setAttributes(forgedAttributes());
      break;
    case 'array':
      span.setAttribute('signalbox.route', [FORGED, FORGED]);
      span.setAttribute('tenant.route', [FORGED, FORGED]);
      break;
    case 'setAttribute':
      span.setAttribute('signalbox.route', FORGED);
      span.setAttribute('tenant.route', FORGED);
      break;
  }
}

/** A route key under every name that a setup knows. */
export function forgedAttributes(): Attributes {
  return { 'signalbox.route': FORGED, 'tenant.route': FORGED };
}
