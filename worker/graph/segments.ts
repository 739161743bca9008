import { typeAttr } from './builder.ts';
import { type Attr, dtypes, type GraphNode, isStateful, type Ref, refText } from './node.ts';

/** What one run of a segmented computation fetches: its own outputs, and a token where later segments need its values. */
export interface Segment {
  readonly outputs: readonly Ref[];
  readonly token: Ref | undefined;
}

export interface SegmentedGraph {
  readonly nodes: readonly GraphNode[];
  readonly segments: readonly Segment[];
}

/**
 * Cuts a computation in runs, one for each group of outputs, in order: a run computes what its group needs and earlier
 * runs have not computed. A value that a later run needs stays on the device in a variable `name/cut…`; constants,
 * inputs and what follows from weights alone are simply there in every run.
 *
 * The runs must be made in order, with the same inputs fed and no weight changed in between.
 */
export function cutSegments(
  nodes: readonly GraphNode[],
  groups: readonly (readonly Ref[])[],
  name: string,
): SegmentedGraph {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const depends = dependsOnInputs(nodes);
  const owner = assignOwners(byName, depends, groups);
  const stash = new Stash(name, byName);
  const cut = nodes.map((node) => {
    const segment = owner.get(node.name);
    if (segment === undefined) return node;
    const inputs = node.inputs.map((input) => crossing(owner, stash, segment, input));
    // Within a run, control edges only put ops in order; between runs the order is given.
    const control = node.control.filter((name) => (owner.get(name) ?? segment) === segment);
    return { ...node, inputs, control };
  });
  const outputs = groups.map((group, segment) => group.map((ref) => crossing(owner, stash, segment, ref)));
  const segments = outputs.map((group, segment) => ({ outputs: group, token: stash.token(segment) }));
  return { nodes: [...stash.handles, ...stash.reads, ...cut, ...stash.writes], segments };
}

/** `input` as a node of `segment` reads it: itself, or the variable in which an earlier segment left it. */
function crossing(owner: ReadonlyMap<string, number>, stash: Stash, segment: number, input: Ref): Ref {
  const made = owner.get(input.node);
  return made === undefined || made === segment ? input : stash.keep(made, input);
}

/** Nodes whose value changes from run to run; the others follow from constants and weights. */
function dependsOnInputs(nodes: readonly GraphNode[]): ReadonlySet<string> {
  const depends = new Set<string>();
  for (const node of nodes) {
    const isInput = node.op === 'Placeholder' || (isStateful(node.op) && !weightOps.has(node.op));
    if (isInput || node.inputs.some((input) => depends.has(input.node))) depends.add(node.name);
  }
  return depends;
}

const weightOps = new Set(['VarHandleOp', 'ReadVariableOp']);

/** Each computed node belongs to the first group that needs it. */
function assignOwners(
  byName: ReadonlyMap<string, GraphNode>,
  depends: ReadonlySet<string>,
  groups: readonly (readonly Ref[])[],
): ReadonlyMap<string, number> {
  const owner = new Map<string, number>();
  for (const [segment, group] of groups.entries()) {
    const pending = group.map((ref) => ref.node);
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const node = byName.get(next);
      if (node === undefined) throw new Error(`invariant broken: the graph has no node ${next}`);
      if (owner.has(next) || !depends.has(next) || node.op === 'Placeholder') continue;
      owner.set(next, segment);
      for (const input of node.inputs) pending.push(input.node);
    }
  }
  return owner;
}

/** Variables that carry values from one run to later ones. */
class Stash {
  readonly handles: GraphNode[] = [];
  readonly reads: GraphNode[] = [];
  readonly writes: GraphNode[] = [];
  readonly #name: string;
  readonly #byName: ReadonlyMap<string, GraphNode>;
  readonly #readOf = new Map<string, Ref>();
  readonly #writesOf = new Map<number, string[]>();

  constructor(name: string, byName: ReadonlyMap<string, GraphNode>) {
    this.#name = name;
    this.#byName = byName;
  }

  /** The value of `ref`, made in `segment`, for later ones. */
  keep(segment: number, ref: Ref): Ref {
    const known = this.#readOf.get(refText(ref));
    if (known !== undefined) return known;
    const index = this.#readOf.size;
    const type: Attr = typeAttr(this.#byName.get(ref.node)?.dtypes?.[ref.output] ?? dtypes.float32);
    const handle = `${this.#name}/cut${index}`;
    const attrs: Record<string, Attr> = {
      dtype: type,
      shape: { kind: 'unknown-shape' },
      shared_name: { kind: 'string', value: handle },
      container: { kind: 'string', value: '' },
    };
    const node = (name: string, op: string, inputs: readonly Ref[], own: Record<string, Attr>): GraphNode => ({
      ...{ name, op, inputs, control: [], attrs: own },
    });
    const variable = { node: handle, output: 0 };
    this.handles.push(node(handle, 'VarHandleOp', [], attrs));
    this.reads.push(node(`${handle}/read`, 'ReadVariableOp', [variable], { dtype: type }));
    this.writes.push(node(`${handle}/write`, 'AssignVariableOp', [variable, ref], { dtype: type }));
    this.#writesOf.set(segment, [...(this.#writesOf.get(segment) ?? []), `${handle}/write`]);
    const read = { node: `${handle}/read`, output: 0 };
    this.#readOf.set(refText(ref), read);
    return read;
  }

  /** To be fetched with a segment's outputs, so that what it leaves for later ones is written. */
  token(segment: number): Ref | undefined {
    const control = this.#writesOf.get(segment);
    if (control === undefined) return undefined;
    const name = `${this.#name}/segment${segment}`;
    const value = { dtype: dtypes.float32, shape: [], bytes: new Uint8Array(new Float32Array([1]).buffer) };
    const attrs: Record<string, Attr> = { dtype: typeAttr(dtypes.float32), value: { kind: 'tensor', value } };
    this.writes.push({ name, op: 'Const', inputs: [], control, attrs });
    return { node: name, output: 0 };
  }
}
