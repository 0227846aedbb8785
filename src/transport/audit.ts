import type { AuditEvent } from '../config/audit-event.js';
import { parseAuditResources } from './audit-resources.js';
import type { Answer } from './exchange.js';

/** The header that asks for the others. */
export const AUDIT_REQUEST_HEADERS = { 'x-bt-enable-audit': 'true' } as const;

/** Longest value that is told: these are ids, an address and a URL. */
const MAX_LENGTH = 2_048;

/** What is known of the request that was answered. */
export interface AuditContext {
  readonly backend: string;
  readonly spans: number;
  readonly epochMs: number;
}

/** What an answer tells of its request: whoever refuses one may tell it too. Never throws. */
export function readAudit({ httpStatus, headers }: Answer, context: AuditContext): AuditEvent {
  const { backend, spans, epochMs } = context;
  const requestId = readHeader(headers['x-request-id']);
  const userId = readHeader(headers['x-bt-audit-user-id']);
  const userEmail = readHeader(headers['x-bt-audit-user-email']);
  const normalizedUrl = readHeader(headers['x-bt-audit-normalized-url']);
  return {
    backend,
    at: epochMs,
    httpStatus,
    spans,
    ...(requestId !== undefined && { requestId }),
    ...(userId !== undefined && { userId }),
    ...(userEmail !== undefined && { userEmail }),
    ...(normalizedUrl !== undefined && { normalizedUrl }),
    ...readResources(headers['x-bt-audit-resources']),
  };
}

function readResources(
  header: string | string[] | undefined,
): Pick<AuditEvent, 'resources' | 'fault'> {
  if (header === undefined) return { resources: [] };
  try {
    return { resources: parseAuditResources(String(header)) };
  } catch (error) {
    // It says what is wrong, and shows nothing of the header.
    return { resources: [], fault: error instanceof Error ? error.message : 'unknown error' };
  }
}

/** One that is sent twice says nothing that could be relied upon. */
function readHeader(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header.slice(0, MAX_LENGTH) : undefined;
}
