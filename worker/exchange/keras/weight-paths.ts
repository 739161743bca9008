import type { LayerNode } from '../../engine/index.ts';
import type { Holder, LayerMapping } from './mapping.ts';

export type { Holder } from './mapping.ts';

import { mappings } from './table.ts';

/** Where Keras 3 keeps the weights of one layer in an HDF5 file. */
export interface WeightGroup {
  /** Of the group that holds the data sets 0, 1, … */
  readonly path: string;
  /** The layer's name, as Keras notes it there. */
  readonly layer: string;
  readonly weights: LayerNode['weights'];
}

/**
 * The groups of a model's weights file, by Keras's own rule (keras/src/saving/saving_lib.py): a layer's group is named
 * by its class, counted within its model, and what a layer holds stands under the attribute's name.
 */
export function weightGroups(model: LayerNode, path = ''): WeightGroup[] {
  const holder = holderOf(model);
  if (holder === 'itself') return [{ path: join(path, 'vars'), layer: model.name, weights: model.weights }];
  if (holder === 'layers' || holder === 'cells') {
    const names = containerNames(model.inner);
    return model.inner.flatMap((layer, index) => weightGroups(layer, join(path, holder, names[index] ?? '')));
  }
  const roles = holder.split(', ');
  return model.inner.flatMap((layer, index) => weightGroups(layer, join(path, roles[index] ?? '')));
}

/** Cells that a layer makes for itself need no entry in the table: they hold their own weights. */
function classOf({ className }: LayerNode): Pick<LayerMapping, 'keras' | 'holder'> {
  return mappings.find(({ tfjs }) => tfjs === className) ?? { keras: className, holder: 'itself' };
}

export function holderOf(layer: LayerNode): Holder {
  return classOf(layer).holder;
}

/** What Keras calls the layers of one model, or the cells of a stack: by class, counted. */
export function containerNames(layers: readonly LayerNode[]): string[] {
  return uniqueNames(layers.map((layer) => snakeCase(classOf(layer).keras)));
}

/** The names, counted where they occur again: dense, dense_1, … */
export function uniqueNames(names: readonly string[]): string[] {
  const used = new Map<string, number>();
  return names.map((name) => {
    const count = used.get(name);
    used.set(name, (count ?? -1) + 1);
    return count === undefined ? name : `${name}_${count + 1}`;
  });
}

/** Keras's own spelling: Conv2DTranspose → conv2d_transpose, PReLU → p_re_lu. */
export function snakeCase(className: string): string {
  return className
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('/');
}
