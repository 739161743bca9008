import { toBuffer } from '../../shared/rpc/index.ts';
import { type SegmentHeader, segmentMessage } from '../../worker/collective/segment-codec.ts';

/** A segment's bytes as they are on the wire. */
export function encodeSegment(header: SegmentHeader, values: Float32Array): Buffer {
  return toBuffer(segmentMessage(header, values));
}
