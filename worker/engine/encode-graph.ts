import { encodeGraphDef } from '../graph/index.ts';
import type { Inspection } from './inspection.ts';

/** Everything that a trainer can run as one GraphDef: in binary, or in protobuf's text format. */
export function encodeGraph({ nodes }: Inspection, format: 'binary' | 'text'): Uint8Array {
  return encodeGraphDef(nodes, format);
}
