export { type ActivationEntry, type ActivationName, activationEntries } from './activation-names.ts';
export { type LayerEntry, type LayerName, layerCatalog, layerEntries } from './catalog.ts';
export { layersPage } from './page.ts';
