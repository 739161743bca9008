import { argv, env } from 'node:process';
import { datasets, defineJob, evaluate, fit, predict, tf } from 'lockstep';

/** A program as Keras's are: model, data, fit, evaluate and predict in one file. Its argument is where runs write. */
const [, , out = ''] = argv;
const glyphs = (first: number, samples: number) =>
  datasets
    .glyphs({ first, samples, height: 12 })
    .scale(1 / 255)
    .oneHot(10);

/** Another job before: the wanted one is found by its place. */
defineJob({ model: () => tf.sequential(), optimizer: 'sgd', loss: 'meanSquaredError', data: { train: glyphs(0, 1) } });

const job = defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.flatten({ inputShape: [12, 12, 3] }),
        tf.layers.dense({ units: 10, activation: 'softmax', name: 'classes' }),
      ],
    }),
  optimizer: 'adam',
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
  data: { train: glyphs(0, 100), validation: glyphs(100, 20), test: glyphs(200, 37) },
  batchSize: 10,
});

const options = { engine: env['FIT_ENGINE'] === 'cpu' ? 'cpu' : 'tensorflow', workers: 2 } as const;
const history = await fit(job, { ...options, out: `${out}/fit`, epochs: 2, verbose: 0 });
const means = await evaluate(job, { ...options, out: `${out}/evaluation`, model: history.model });
const both = await predict(job, { ...options, out: `${out}/prediction`, model: history.model });
const alone = await predict(job, { ...options, workers: 1, out: `${out}/prediction`, model: history.model });
const refused = await evaluate(job, { ...options, model: `${out}/none` }).catch(({ code }: { code: string }) => code);
const values = ({ outputs }: typeof both) => outputs.map(({ name, shape, values }) => [name, shape, [...values]]);
console.log(JSON.stringify({ history, means, both: values(both), alone: values(alone), refused }));
