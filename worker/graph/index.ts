export { GraphBuilder, typeAttr } from './builder.ts';
export { encodeGraphDef, encodeSavedModel } from './encode.ts';
export { multiplyInBfloat16 } from './mixed-precision.ts';
export { type Attr, type ConstValue, dtypes, type GraphNode, type Ref, refText } from './node.ts';
export { type Graph, optimize } from './passes.ts';
export { cutSegments, type Segment, type SegmentedGraph } from './segments.ts';
