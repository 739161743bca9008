/** A layer or model as far as its name goes. */
export interface NamedLayer {
  readonly name: string;
  readonly className: string;
}

/**
 * tfjs names a layer without a name after its class and a counter over everything that the process has built
 * (`conv2d_Conv2D7`, `model3`, `sequential_2`), so the same model has other names in another process. This gives
 * a function that replaces such names, wherever they occur in a text, by Keras's: `conv2d`, `conv2d_1`, … counted
 * within the model. Names that the user chose stay.
 *
 * @param layers all layers of the model, nested ones too, in the model's order
 */
export function stableNames(layers: readonly NamedLayer[]): (text: string) => string {
  const taken = new Set(layers.filter((layer) => automaticStem(layer) === null).map(({ name }) => name));
  const stable = new Map<string, string>();
  for (const layer of layers) {
    const stem = automaticStem(layer);
    if (stem === null || stable.has(layer.name)) continue;
    const name = firstFree(stem, taken);
    taken.add(name);
    stable.set(layer.name, name);
  }
  if (stable.size === 0) return (text) => text;
  // The longest first: `forward_lstm_LSTM1` before `lstm_LSTM1`.
  const names = [...stable.keys()].sort((a, b) => b.length - a.length).map((name) => name.replaceAll(/\W/g, '\\$&'));
  const pattern = new RegExp(`(?<![A-Za-z0-9])(?:${names.join('|')})(?![A-Za-z0-9])`, 'g');
  return (text) => text.replaceAll(pattern, (name) => stable.get(name) ?? name);
}

/** The names, with `_1`, `_2`, … behind those that occurred before. */
export function makeUnique(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const unique = firstFree(name, taken);
    taken.add(unique);
    return unique;
  });
}

/** A copy of a JSON value with `rename` applied to every text in it. */
export function renameTexts(value: unknown, rename: (text: string) => string): unknown {
  return JSON.parse(JSON.stringify(value), (_key, item: unknown) => (typeof item === 'string' ? rename(item) : item));
}

function automaticStem({ name, className }: NamedLayer): string | null {
  if (className === 'Model' || className === 'Functional' || className === 'Sequential') {
    return /^(model|functional|sequential)_?\d+$/.exec(name)?.[1] ?? null;
  }
  const stem = className === 'InputLayer' ? /^(.+)_input\d+$/ : new RegExp(`^(.+)_${className}\\d+$`);
  return stem.exec(name)?.[1] ?? null;
}

function firstFree(stem: string, taken: ReadonlySet<string>): string {
  let name = stem;
  for (let count = 1; taken.has(name); count++) name = `${stem}_${count}`;
  return name;
}
