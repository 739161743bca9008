/** What `activation:` may be, with the name that TensorFlow.js's models save, and Keras's own. */
export interface ActivationEntry {
  readonly saved: string;
  /** Null where Keras has no name for it. */
  readonly keras: string | null;
  readonly note: string;
}

const like = (keras: string, more: Partial<ActivationEntry> = {}): ActivationEntry => ({
  saved: keras.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
  keras,
  note: '',
  ...more,
});

export const activationEntries = {
  linear: like('linear'),
  relu: like('relu'),
  relu6: like('relu6'),
  leakyRelu: like('leaky_relu', { note: 'slope 0.2' }),
  elu: like('elu'),
  selu: like('selu'),
  celu: like('celu'),
  sigmoid: like('sigmoid'),
  logSigmoid: like('log_sigmoid'),
  // tf.layers keeps clip(x / 5 + 1/2) under the name hardSigmoid.
  hardSigmoid: like('hard_sigmoid', { saved: 'hardSigmoidRelu6', note: 'relu6(x + 3) / 6; in tf.layers x / 5 + 1/2' }),
  tanh: like('tanh'),
  softmax: like('softmax'),
  logSoftmax: like('log_softmax'),
  softplus: like('softplus'),
  softsign: like('softsign'),
  gelu: like('gelu', { note: 'exact, by the error function' }),
  geluApproximate: { saved: 'geluNew', keras: null, note: 'Keras’s `gelu(x, approximate=True)`' },
  silu: like('silu', { saved: 'swish' }),
  swish: like('silu', { saved: 'swish', note: 'the same as silu' }),
  hardSilu: like('hard_silu'),
  mish: like('mish'),
  exponential: like('exponential'),
} as const satisfies Record<string, ActivationEntry>;

export type ActivationName = keyof typeof activationEntries;
