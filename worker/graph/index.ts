export { GraphBuilder, typeAttr } from './builder.ts';
export { encodeGraphDef, encodeSavedModel } from './encode.ts';
export { gradientScope, isGradient, layerOf } from './layer-of.ts';
export { multiplyInBfloat16 } from './mixed-precision.ts';
export { type Attr, type ConstValue, dtypes, type GraphNode, type Ref, refText } from './node.ts';
export { dropDeadNodes, type Graph, optimize } from './passes.ts';
export { estimatePeakMemory, type MemoryEstimate } from './peak-memory.ts';
export { cutSegments, type Segment, type SegmentedGraph } from './segments.ts';
export { EMPTY_READINGS, type TimedGraph, timeNodes } from './time-nodes.ts';
