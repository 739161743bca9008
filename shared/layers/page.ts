import { type ActivationEntry, activationEntries } from './activation-names.ts';
import { type LayerEntry, layerCatalog } from './catalog.ts';

/** docs/layers.md, from the tables that the layers are made by. */
export function layersPage(): string {
  const families = Object.entries(layerCatalog).map(([family, entries]) => familyTable(family, entries));
  const activations = Object.entries(activationEntries).map(([name, entry]) => activationRow(name, entry));
  return `# Layers

<!-- Generated from shared/layers by \`npm run docs\`. Change it there. -->

\`import { layers, models, activations, initializers } from 'lockstep'\`: Keras 3's layers with Keras's names in camelCase
and Keras's defaults. \`tf.layers\` stays what TensorFlow.js has, with its own defaults; both may be in one model, and
both are saved, loaded and exported alike. An option that a layer does not know is an error, with the nearest one.

\`\`\`ts
const model = models.sequential([
  layers.embedding({ inputDim: 10_000, outputDim: 64, maskZero: true, inputShape: [100] }),
  layers.bidirectional({ layer: layers.gru({ units: 32 }) }),
  layers.dense({ units: 8, activation: 'softmax' }),
]);
\`\`\`

\`models.model({ inputs, outputs })\` is the functional API: several inputs and outputs, shared layers, merges.
${families.join('\n')}
## Activations

By name (\`activation: 'gelu'\`), by function (\`activation: activations.gelu\`), or called on a tensor.

| Lockstep | Keras | note |
| --- | --- | --- |
${activations.join('\n')}

## Text generation

\`models.generate(model, prompt, { tokens, seed, temperature, topK })\` continues a list of tokens by a causal language model,
[batch, length] → [batch, length, vocabulary]: a function of weights, prompt and options alone. \`temperature: 0\` is greedy.
[examples/language-model.ts](../examples/language-model.ts) trains one and [generate-text.ts](../examples/generate-text.ts) has it
write.

## What holds them

Values, gradients and defaults of every row are compared with Keras's in the parity tests ([values and
gradients](../test/parity/keras-layers.test.ts), [defaults](../test/parity/keras-layer-defaults.test.ts)), within 1e-5. Recurrent
networks, autoencoders and Transformers are [examples](../test/integration/example-architectures.test.ts) that learn, with the same
bits on 1, 2 and 3 workers. [Coverage](coverage.md) has every row with what tests prove of it.
`;
}

function familyTable(family: string, entries: Readonly<Record<string, LayerEntry>>): string {
  const rows = Object.entries(entries).map(([name, entry]) => {
    const defaults = Object.entries(entry.defaults).map(([option, value]) => `\`${option}\` ${JSON.stringify(value)}`);
    return `| \`${name}\` | ${entry.keras} | ${origins[entry.origin]} | ${defaults.join(', ')} | ${entry.note} |`;
  });
  const heading = `${family.charAt(0).toUpperCase()}${family.slice(1)}`;
  const head = '| Lockstep | Keras | from | defaults other than in tf.layers | note |\n| --- | --- | --- | --- | --- |';
  return `\n## ${heading}\n\n${head}\n${rows.join('\n')}\n`;
}

const origins: Readonly<Record<LayerEntry['origin'], string>> = {
  tfjs: 'tf.layers',
  extended: 'tf.layers, extended',
  own: 'Lockstep',
};

function activationRow(name: string, { keras, note }: ActivationEntry): string {
  return `| \`${name}\` | ${keras ?? '–'} | ${note} |`;
}
