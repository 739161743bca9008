import { toBuffer } from '../../shared/rpc/index.ts';
import { type SegmentHeader, segmentMessage } from '../../worker/collective/segment-codec.ts';
import type { WireValues } from '../../worker/collective/wire-format.ts';

/** A segment's bytes as they are on the wire. */
export function encodeSegment(header: SegmentHeader, values: WireValues): Buffer {
  return toBuffer(segmentMessage(header, values));
}
