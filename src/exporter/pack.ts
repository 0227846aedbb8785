import type { Clock } from '../clock.js';
import type { Backend } from '../config/resolved.js';
import { MessageTooLarge } from '../encoding/chunks.js';
import type { Backlog } from './backlog.js';
import { type Batch, isUnsettled } from './batch.js';
import type { Courier, Parcel } from './courier.js';
import { createResourceWait } from './resource-attributes.js';

/** What a batch is packed with. */
export interface PackParts<P extends Parcel> {
  readonly backend: Pick<Backend, 'maxExportBatchBytes' | 'timeoutMs'>;
  readonly backlog: Backlog<P>;
  readonly courier: Courier<P>;
  readonly clock: Clock;
}

/**
 * Makes the body of a batch whose turn it is; `undefined` if the batch does not travel, or not as it is: then
 * it has been dropped, split, or settled by somebody else.
 *
 * @param waits - Whether pending attributes of resources are waited for; by default they are.
 */
export type Pack<P extends Parcel> = (batch: Batch<P>, waits?: boolean) => Promise<P | undefined>;

/** Creates the function that encodes and compresses batches. */
export function createPack<P extends Parcel>(parts: PackParts<P>): Pack<P> {
  const { backend, backlog, courier, clock } = parts;
  const waitForResources = createResourceWait(clock, backend.timeoutMs);

  return async (batch, waits = true) => {
    const resources = waits ? batch.runs.map(({ resource }) => resource) : [];
    const waiting = waitForResources(resources);
    if (waiting !== undefined) await waiting;
    if (!isUnsettled(batch)) return undefined;
    const isOne = batch.spans === 1;
    const packed = courier.pack(batch.runs, batch.lane.parent);
    if (packed instanceof Error) {
      // One span spoils the others' request: halving finds it in a few steps.
      if (isOne) backlog.drop(batch, reasonOf(packed), nameOf(packed));
      else backlog.split(batch);
      return undefined;
    }
    backlog.pack(batch, packed);
    const { parcel } = packed;
    if (parcel.bytes > backend.maxExportBatchBytes && !isOne) {
      backlog.split(batch);
      return undefined;
    }
    const compressed = await courier.compress(parcel);
    if (!isUnsettled(batch)) return undefined;
    backlog.repack(batch, compressed);
    return compressed;
  };
}

/** Why a span that can not be encoded is dropped. */
export function reasonOf(error: Error): 'too_large' | 'encode_error' {
  return error instanceof MessageTooLarge ? 'too_large' : 'encode_error';
}

/** A message of an error that the application's own values caused may quote them. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown error';
}
