import { LockstepError } from '../../../shared/core/index.ts';
import {
  dropDeadNodes,
  dtypes,
  encodeSavedModel,
  FixedBatch,
  freeBatch,
  GraphBuilder,
  type GraphNode,
  layerOf,
  type Ref,
  type Trace,
} from '../../graph/index.ts';
import { describeFailure } from '../describe-failure.ts';
import { buildFromTopology } from '../describe-layers.ts';
import type { NamedWeight } from '../engine.ts';
import { aroundLayerCalls } from '../layer-calls.ts';
import { forward, variableOf } from '../microstep.ts';
import { nativeBackend } from '../native-addon.ts';
import { dtypeNumber, record } from '../recorder.ts';
import { makeUnique } from '../stable-names.ts';
import { tf } from '../tf.ts';

/** Batches that a model is recorded on: no multiple of another, and all small. */
const tracedRows = [3, 5, 8];

/** Protobuf's limit for one message, and so for a graph with its constants. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * The bytes of a TensorFlow SavedModel's `saved_model.pb` with the signature `serving_default`: a model's prediction for
 * any batch size, its weights as constants. Needs the `tensorflow` engine.
 * @throws LockstepError checkpoint/unsupported naming the layer that depends on the size of the batch
 */
export async function encodeServingModel(topology: unknown, weights: readonly NamedWeight[]): Promise<Uint8Array> {
  const bytes = weights.reduce((sum, { values }) => sum + values.byteLength, 0);
  if (bytes >= MAX_BYTES) {
    throw new LockstepError('checkpoint/unsupported', `the weights are ${bytes} bytes, and a graph can hold 2 GiB`);
  }
  const model = await buildFromTopology(topology, weights);
  try {
    return encode(model, weights);
  } finally {
    model.dispose();
  }
}

function encode(model: tf.LayersModel, weights: readonly NamedWeight[]): Uint8Array {
  const inputs = makeUnique(model.inputs.map(({ sourceLayer }) => nodeName(sourceLayer.name)));
  const outputs = makeUnique(model.outputs.map(({ sourceLayer }) => nodeName(sourceLayer.name)));
  const fixed = new GraphBuilder();
  const placeholders = model.inputs.map(({ shape, dtype }, index) =>
    fixed.placeholder(
      `inputs/${inputs[index]}`,
      dtypeNumber(dtype),
      shape.map((size) => size ?? -1),
    ),
  );
  const values = model.weights.map((weight, index) => {
    const tensor = { dtype: dtypes.float32, shape: weight.shape as number[], bytes: new Uint8Array(bytesOf(weight)) };
    return fixed.constant(tensor, { name: `weights/${index}/${nodeName(weights[index]?.name ?? '')}` });
  });
  const rows = rowsOf(fixed, placeholders[0] as Ref, dtypeNumber(model.inputs[0]?.dtype ?? 'float32'));
  const traces = tracedRows.map((count) => trace(model, count, placeholders, values));
  const results = (traces[0] as Traced).results.map((ref, index) => ({ ref, name: `outputs/${outputs[index]}` }));
  const free = new GraphBuilder();
  free.append(fixed.nodes);
  free.append(freed(traces, rows));
  for (const [index, { ref, name }] of results.entries()) {
    const dtype = dtypeNumber(model.outputs[index]?.dtype ?? 'float32');
    free.add('Identity', [ref], { T: { kind: 'type', value: dtype } }, { name });
  }
  // The outputs' names must stay, and identities are the first thing to be dropped.
  const graph = dropDeadNodes({ nodes: free.nodes, outputs: results.map(({ name }) => ({ node: name, output: 0 })) });
  return encodeSavedModel(graph.nodes, {
    inputs: model.inputs.map(({ shape, dtype }, index) => ({
      ...{ name: inputs[index] ?? '', node: (placeholders[index] as Ref).node },
      ...{ dtype: dtypeNumber(dtype), shape: shape.map((size) => size ?? -1) },
    })),
    outputs: model.outputs.map(({ shape, dtype }, index) => ({
      ...{ name: outputs[index] ?? '', node: results[index]?.name ?? '' },
      ...{ dtype: dtypeNumber(dtype), shape: shape.map((size) => size ?? -1) },
    })),
  });
}

interface Traced extends Trace {
  readonly results: readonly Ref[];
}

/** The model's prediction for a batch of zeros. */
function trace(model: tf.LayersModel, rows: number, inputs: readonly Ref[], weights: readonly Ref[]): Traced {
  const builder = new GraphBuilder('model');
  tf.engine().startScope();
  try {
    const zeros = model.inputs.map(({ shape, dtype }) => tf.zeros(fullShape(shape, rows), dtype));
    const feeds = [
      ...zeros.map((tensor, index) => ({ tensor, ref: inputs[index] as Ref })),
      ...model.weights.map((weight, index) => ({ tensor: variableOf(weight), ref: weights[index] as Ref })),
    ];
    const within = <T>(scope: string, run: () => T): T => builder.within(scope, run);
    const { result, refOf } = record(nativeBackend(), builder, feeds, () =>
      aroundLayerCalls(
        model,
        (name) => name,
        within,
        () => forward(model, zeros, false),
      ),
    );
    const results = result.map(refOf);
    return { rows, nodes: builder.nodes, results };
  } catch (error) {
    throw describeFailure(error, 'recording the prediction', builder.nodes, builder.failedIn);
  } finally {
    tf.engine().endScope();
  }
}

function freed(traces: readonly Trace[], rows: Ref): GraphNode[] {
  try {
    return freeBatch(traces, rows);
  } catch (error) {
    if (!(error instanceof FixedBatch)) throw error;
    const layer = layerOf(error.node) ?? error.node;
    throw new LockstepError(
      'checkpoint/unsupported',
      `layer ${layer}: its part of the graph ${error.message} in batches of other sizes, so that it cannot be saved for ` +
        'any batch; save the model as keras, or as tfjs',
      { details: { node: error.node } },
    );
  }
}

/** The number of rows in a batch, an int32 scalar. */
function rowsOf(builder: GraphBuilder, input: Ref, dtype: number): Ref {
  const int32 = { kind: 'type', value: dtypes.int32 } as const;
  const shape = builder.add(
    'Shape',
    [input],
    { T: { kind: 'type', value: dtype }, out_type: int32 },
    { name: 'batch/shape' },
  );
  const index = (name: string, value: number): Ref =>
    builder.constant(
      { dtype: dtypes.int32, shape: [], bytes: new Uint8Array(new Int32Array([value]).buffer) },
      { name },
    );
  const attrs = { Tparams: int32, Tindices: int32, Taxis: int32, batch_dims: { kind: 'int', value: 0 } } as const;
  return builder.add('GatherV2', [shape, index('batch/first', 0), index('batch/axis', 0)], attrs, {
    name: 'batch/rows',
  });
}

function bytesOf(weight: tf.LayerVariable): ArrayBuffer {
  return (weight.read().dataSync() as Float32Array).slice().buffer as ArrayBuffer;
}

/** Sizes that the model leaves open can only be the batch's. */
function fullShape(shape: readonly (number | null)[], rows: number): number[] {
  const open = shape.slice(1).indexOf(null);
  if (open >= 0) {
    throw new LockstepError(
      'checkpoint/unsupported',
      `an input of shape [${shape.map((size) => size ?? 'any')}] leaves axis ${open + 1} open; only the batch may be open ` +
        'in a savedmodel: give the layer a whole inputShape',
    );
  }
  return [rows, ...(shape.slice(1) as number[])];
}

/** What TensorFlow allows in a node's name and a signature's key. */
function nodeName(name: string): string {
  return name.replaceAll(/[^\w.-]/g, '_');
}
