import { tf } from '../tf.ts';

type DenseArgs = Parameters<typeof tf.layers.dense>[0];

const names = [
  'kernelInitializer',
  'biasInitializer',
  'kernelRegularizer',
  'biasRegularizer',
  'kernelConstraint',
  'biasConstraint',
] as const;

/** How kernels and biases begin, and what they are held to. */
export type WeightOptions = Pick<DenseArgs, (typeof names)[number]>;

/** The last arguments of `addWeight`. */
type WeightObjects = readonly [
  initializer: ReturnType<typeof tf.initializers.zeros>,
  regularizer: never,
  trainable: boolean,
  constraint: never,
];

/** Options as given, resolved by tfjs-layers' own rules, which a dense layer shows. */
export class ResolvedWeightOptions {
  readonly #dense: Readonly<Record<string, unknown>>;
  readonly config: tf.serialization.ConfigDict;

  constructor({ kernelInitializer = 'glorotUniform', ...others }: WeightOptions) {
    const given = Object.fromEntries(names.map((name) => [name, (others as WeightOptions)[name]]));
    const dense = tf.layers.dense({ ...given, units: 1, kernelInitializer });
    this.#dense = dense as unknown as Readonly<Record<string, unknown>>;
    const config = dense.getConfig();
    this.config = Object.fromEntries(names.map((name) => [name, config[name] ?? null]));
  }

  of(kind: 'kernel' | 'bias'): WeightObjects {
    const part = (name: string): never => this.#dense[`${kind}${name}`] as never;
    return [part('Initializer'), part('Regularizer'), true, part('Constraint')];
  }
}
