import { type Attr, type ConstValue, dtypes, type GraphNode, type Ref } from './node.ts';

/** Collects nodes in order under fresh names. */
export class GraphBuilder {
  readonly nodes: GraphNode[] = [];
  readonly #prefix: readonly string[];
  #count = 0;
  /** Names of the layers that are being called, outermost first. */
  readonly #scopes: string[] = [];

  #failedIn: readonly string[] | undefined;

  constructor(...prefix: readonly string[]) {
    this.#prefix = prefix;
  }

  /** Scopes in which an error was thrown first, outermost first. */
  get failedIn(): readonly string[] {
    return this.#failedIn ?? [];
  }

  /** Scopes that `within` has open, outermost first. */
  get scopes(): readonly string[] {
    return [...this.#scopes];
  }

  /** Nodes added while `fn` runs carry `scope` in their names. */
  within<T>(scope: string, fn: () => T): T {
    // What TensorFlow allows in a node's name.
    this.#scopes.push(scope.replaceAll(/[^\w.-]/g, '_'));
    try {
      return fn();
    } catch (error) {
      this.#failedIn ??= this.scopes;
      throw error;
    } finally {
      this.#scopes.pop();
    }
  }

  /** Takes over another builder's nodes, whose names must be new here. */
  append(nodes: readonly GraphNode[]): void {
    // Not by spreading: a call takes only so many arguments.
    for (const node of nodes) this.nodes.push(node);
  }

  /** Adds a node and gives its first output. `name` must be new in the graph; without one it is made up. */
  add(
    op: string,
    inputs: readonly Ref[],
    attrs: Readonly<Record<string, Attr>>,
    options: {
      name?: string;
      control?: readonly string[];
      dtypes?: readonly number[];
      shapes?: GraphNode['shapes'];
    } = {},
  ): Ref {
    const name = options.name ?? [...this.#prefix, ...this.#scopes, `${op}_${this.#count++}`].join('/');
    const { control = [], dtypes, shapes } = options;
    const outputs = { ...(dtypes === undefined ? {} : { dtypes }), ...(shapes === undefined ? {} : { shapes }) };
    this.nodes.push({ name, op, inputs, attrs, control, ...outputs });
    return { node: name, output: 0 };
  }

  placeholder(name: string, dtype: number, shape: readonly number[]): Ref {
    return this.add(
      'Placeholder',
      [],
      { dtype: { kind: 'type', value: dtype }, shape: { kind: 'shape', value: shape } },
      { name },
    );
  }

  constant(value: ConstValue, options: { name?: string; control?: readonly string[] } = {}): Ref {
    const attrs = { dtype: { kind: 'type', value: value.dtype }, value: { kind: 'tensor', value } } as const;
    return this.add('Const', [], attrs, options);
  }

  /** A float32 scalar. */
  scalar(value: number): Ref {
    return this.constant({ dtype: dtypes.float32, shape: [], bytes: new Uint8Array(new Float32Array([value]).buffer) });
  }

  /** A vector of int32. */
  ints(values: readonly number[]): Ref {
    return this.constant({
      dtype: dtypes.int32,
      shape: [values.length],
      bytes: new Uint8Array(new Int32Array(values).buffer),
    });
  }

  /**
   * A scalar that is there once all of `nodes` have run: something to fetch from ops without outputs.
   * (A Const with control inputs; TensorFlow's SavedModel runner fetches tensors only.)
   */
  token(name: string, nodes: readonly string[]): Ref {
    const bytes = new Uint8Array(new Float32Array([1]).buffer);
    return this.constant({ dtype: dtypes.float32, shape: [], bytes }, { name, control: nodes });
  }

  variable(name: string, shape: readonly number[], dtype: number = dtypes.float32): Ref {
    return this.add(
      'VarHandleOp',
      [],
      {
        dtype: { kind: 'type', value: dtype },
        shape: { kind: 'shape', value: shape },
        shared_name: { kind: 'string', value: name },
        container: { kind: 'string', value: '' },
      },
      { name },
    );
  }
}

export const typeAttr = (value: number): Attr => ({ kind: 'type', value });
