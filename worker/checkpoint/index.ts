export { replaceDirectory } from './directory.ts';
export { refuseExisting, writeFileWhole } from './files.ts';
export type { ModelMetadata, SavedWeight } from './format.ts';
export { type LoadedModel, loadModel, type ModelToSave, type SaveOptions, saveModel } from './model.ts';
