export { writeKerasArchive } from './keras/archive.ts';
export type { LayerJson } from './keras/field.ts';
export type { NamedArray } from './named-array.ts';
export { readSafetensors, writeSafetensors } from './safetensors.ts';
