import type { Config, Field } from './field.ts';

/** Where Keras keeps the weights of a layer: in itself, or in layers that it holds under these names. */
export type Holder =
  | 'itself'
  | 'cell'
  | 'cells'
  | 'layer'
  | 'forward_layer, backward_layer'
  | 'query_dense, key_dense, value_dense, output_dense'
  | 'layers';

/** One layer class in both libraries. Fields give the configuration; weights have one order and layout in both. */
export interface LayerMapping {
  readonly tfjs: string;
  readonly keras: string;
  readonly fields: readonly Field[];
  readonly holder: Holder;
  /**
   * How a layer of several inputs is called in Keras: with a list, with the first one and initial states, or with query,
   * value, key and mask.
   */
  readonly call: 'list' | 'states' | 'attention';
  /** Whether Keras knows the option `trainable` here. */
  readonly canFreeze: boolean;
  /** What Keras's class always means, and tfjs-layers' has an option for. */
  readonly implied: Config;
  /** Throws Unmappable for what single fields don't show. Sees the configuration that is converted, of either library. */
  readonly check: (config: Config) => void;
}

/** A class that the other library lacks or computes differently. */
export interface Refusal {
  readonly name: string;
  readonly library: 'tfjs' | 'keras';
  /** Completes "layer NAME: …". */
  readonly reason: string;
}

export function layer(
  name: string,
  fields: readonly Field[],
  more: Partial<Omit<LayerMapping, 'fields' | 'tfjs'>> = {},
): LayerMapping {
  return {
    tfjs: name,
    keras: name,
    fields,
    holder: 'itself',
    call: 'list',
    canFreeze: true,
    implied: {},
    check: () => {},
    ...more,
  };
}

export function refused(name: string, reason: string): Refusal {
  return { name, library: 'tfjs', reason };
}
