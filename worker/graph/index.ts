export { GraphBuilder, typeAttr } from './builder.ts';
export { encodeGraphDef, encodeSavedModel } from './encode.ts';
export { type Attr, type ConstValue, dtypes, type GraphNode, type Ref, refText } from './node.ts';
export { type Graph, optimize } from './passes.ts';
