import { LockstepError } from '../../../shared/core/index.ts';
import type { LayerNode } from '../../engine/index.ts';
import type { Hdf5Content } from '../hdf5.ts';
import type { NamedArray } from '../named-array.ts';
import { containerNames, type Holder, holderOf } from './weight-paths.ts';

/** Keras 3's folder of layers, and that of the Keras that came with TensorFlow 2.13 to 2.15. */
const layerFolders = ['layers', '_layer_checkpoint_dependencies'];

/**
 * The weights of a model from a file of Keras 3 (`.weights.h5`, or the one inside of `.keras`). In each model of the
 * file, layers are found by their names if it has all of them, otherwise, as Keras does it, by class and order.
 * @throws LockstepError checkpoint/mismatch naming the layer and the shapes
 */
export function fitKeras3(content: Hdf5Content, model: LayerNode): NamedArray[] {
  const used = new Set<string>();
  const fitted = visit(content, model, '', used);
  const surplus = [...content.arrays.keys()].find((path) => !used.has(path) && isWeight(path));
  if (surplus !== undefined) throw mismatch(`the file holds ${surplus}, for which the job’s model has no layer`);
  return fitted;
}

/** Optimizers' and random generators' states lie beside the weights. */
function isWeight(path: string): boolean {
  return !path.startsWith('optimizer') && !path.includes('seed_generator');
}

function visit(content: Hdf5Content, layer: LayerNode, at: string, used: Set<string>): NamedArray[] {
  const holder = holderOf(layer);
  if (holder === 'itself') return take(content, layer, join(at, 'vars'), used);
  return layer.inner.flatMap((inner, index) => {
    if (inner.weights.length === 0) return [];
    const places = innerPlaces(content, layer, holder, at);
    return visit(content, inner, places[index] ?? '', used);
  });
}

function innerPlaces(content: Hdf5Content, layer: LayerNode, holder: Exclude<Holder, 'itself'>, at: string): string[] {
  if (holder !== 'layers' && holder !== 'cells') return holder.split(', ').map((role) => join(at, role));
  const folders = holder === 'cells' ? ['cells'] : layerFolders;
  const folder = join(at, folders.find((name) => content.attributes.has(join(at, name))) ?? holder);
  const byClass = containerNames(layer.inner).map((name) => join(folder, name));
  const named = new Map<unknown, string>();
  for (const [path, attributes] of content.attributes) {
    const place = path.replace(/\/vars$/, '');
    if (place !== path && parentOf(place) === folder) named.set(attributes['name'], place);
  }
  const isComplete = layer.inner.every(({ name, weights }) => weights.length === 0 || named.has(name));
  return isComplete ? layer.inner.map(({ name }) => named.get(name) ?? '') : byClass;
}

function take(content: Hdf5Content, layer: LayerNode, group: string, used: Set<string>): NamedArray[] {
  return layer.weights.map(({ name, shape }, index) => {
    const path = `${group}/${index}`;
    const array = content.arrays.get(path);
    if (array === undefined) {
      const what = content.attributes.has(group) ? `its weight ${name}` : 'it';
      throw mismatch(`layer ${layer.name} (${layer.className}): the file holds nothing for ${what} at ${path}`);
    }
    used.add(path);
    return checked(layer, { name, shape }, array);
  });
}

interface SavedArray {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

function checked(
  layer: LayerNode,
  { name, shape }: { readonly name: string; readonly shape: readonly number[] },
  array: SavedArray,
): NamedArray {
  if (String(array.shape) === String(shape)) return { name, shape, values: array.values };
  const isResetAfter = /^GRU/.test(layer.className) && array.shape.length === 2 && shape.length === 1;
  const hint = isResetAfter ? '; TensorFlow.js’s GRU is Keras’s with reset_after=False' : '';
  throw mismatch(
    `layer ${layer.name} (${layer.className}): weight ${name} has shape [${array.shape}] in the file and [${shape}] in ` +
      `the job’s model${hint}`,
  );
}

/**
 * The weights of a model from an `.h5` file of Keras 2, or one that Keras 3 writes in that form. The layers of the
 * outermost model are found by their names if the file has all of them, otherwise by order.
 * @throws LockstepError checkpoint/mismatch naming the layer and the shapes
 */
export function fitKeras2(content: Hdf5Content, model: LayerNode): NamedArray[] {
  const root = content.attributes.has('model_weights') ? 'model_weights' : '';
  const saved = texts(content, root, 'layer_names').flatMap((name) => {
    const names = texts(content, join(root, name), 'weight_names');
    return names.length === 0 ? [] : [{ name, paths: names.map((weight) => join(root, name, weight)) }];
  });
  const own = holderOf(model) === 'layers' ? model.inner.filter(({ weights }) => weights.length > 0) : [model];
  const byName = new Map(saved.map((layer) => [layer.name, layer]));
  const isNamed = own.every(({ name }) => byName.has(name));
  if (saved.length !== own.length) {
    throw mismatch(
      `the file holds weights of ${saved.length} layers, and the job’s model has ${own.length} with weights`,
    );
  }
  return own.flatMap((layer, index) => {
    const paths = (isNamed ? byName.get(layer.name) : saved[index])?.paths ?? [];
    if (paths.length !== layer.weights.length) {
      throw mismatch(
        `layer ${layer.name} (${layer.className}) has ${layer.weights.length} weights, and ${paths.length} in the file`,
      );
    }
    return layer.weights.map((weight, at) => {
      const array = content.arrays.get(paths[at] ?? '');
      if (array === undefined) throw mismatch(`layer ${layer.name}: the file lists ${paths[at]} and does not hold it`);
      return checked(layer, weight, array);
    });
  });
}

/** A list of texts in attributes; Keras cuts long ones in several, numbered. */
function texts(content: Hdf5Content, group: string, name: string): string[] {
  const attributes = content.attributes.get(group) ?? {};
  const whole = attributes[name];
  // An empty list comes as null.
  if (whole !== undefined) return [whole].flat().filter((text) => typeof text === 'string');
  const parts: string[] = [];
  for (let index = 0; attributes[`${name}${index}`] !== undefined; index++) {
    parts.push(...[attributes[`${name}${index}`]].flat().map(String));
  }
  return parts;
}

/**
 * The weights of a model by their names. The order in such files says nothing: Python's writer sorts by name.
 * @throws LockstepError checkpoint/mismatch naming the layer and the shapes
 */
export function fitNamed(arrays: readonly NamedArray[], model: LayerNode): NamedArray[] {
  const byName = new Map(arrays.map((array) => [array.name, array]));
  const fitted = model.weights.map((weight) => {
    const array = byName.get(weight.name);
    if (array === undefined) throw mismatch(`weight ${weight.name} of the job’s model is missing in the file`);
    byName.delete(weight.name);
    return checked(model, weight, array);
  });
  const [surplus] = byName.keys();
  if (surplus !== undefined) throw mismatch(`the file holds weight ${surplus}, which the job’s model does not have`);
  return fitted;
}

function mismatch(message: string): LockstepError {
  return new LockstepError('checkpoint/mismatch', message);
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('/');
}

function parentOf(path: string): string {
  return path.split('/').slice(0, -1).join('/');
}
