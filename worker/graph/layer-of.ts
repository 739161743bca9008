/** Scope of the ops that a layer's backward pass makes, inside of the layer's own. */
export const gradientScope = 'gradient';

/**
 * The layer in whose forward or backward pass a node was recorded; names are `section/layer/Op_number` and
 * `section/layer/gradient/Op_number`, with the layers around it for a nested one.
 */
export function layerOf(name: string): string | undefined {
  const scopes = scopesOf(name);
  const layer = isGradient(name) ? scopes.slice(0, -1) : scopes;
  return layer.length === 0 ? undefined : layer.join('/');
}

/** Whether a node belongs to a layer's backward pass. */
export function isGradient(name: string): boolean {
  const scopes = scopesOf(name);
  return scopes.length > 1 && scopes.at(-1) === gradientScope;
}

/** The section of the graph, such as a microstep of 32 rows, that a node was recorded in; '' for what all share. */
export function sectionOf(name: string): string {
  return name.includes('/') ? (name.split('/', 1)[0] ?? '') : '';
}

function scopesOf(name: string): string[] {
  return name.split('/').slice(1, -1);
}
