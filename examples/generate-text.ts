/**
 * Has the trained language model write on: the same model, beginning and seed give the same text.
 *
 *   npx tsx examples/generate-text.ts lockstep-out "the cat" 40
 */
import { models } from 'lockstep';
import { letters } from './language-model.ts';

const [directory = 'lockstep-out', beginning = 'the cat', tokens = '40'] = process.argv.slice(2);
const model = await models.load(directory);
const prompt = [...beginning].map((letter) => letters.indexOf(letter));
for (const [name, options] of [
  ['greedy', { temperature: 0 }],
  ['seed 1', { seed: 1, topK: 3 }],
  ['seed 2', { seed: 2, temperature: 1.2 }],
] as const) {
  const written = models.generate(model, prompt, { tokens: Number(tokens), ...options });
  console.log(`${name}: ${written.map((token) => letters[token]).join('')}`);
}
