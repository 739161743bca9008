export { writeSafetensors } from '../checkpoint/index.ts';
export { type ForeignFile, openForeignFile } from './foreign-file.ts';
export { writeKerasArchive } from './keras/archive.ts';
export type { LayerJson } from './keras/field.ts';
export type { NamedArray } from './named-array.ts';
