/** What is compared: the same model, loss and batch in every library. */
export interface Workload {
  readonly name: StepWorkload;
  readonly title: string;
  readonly goals: Goals;
}

export type StepWorkload = 'cnn' | 'lstm' | 'transformer' | 'autoencoder';

/** `dense`: 16 layers of 1024 units, 16.8 million weights: much to send for what is computed. */
export type WorkloadName = StepWorkload | 'dense';

export interface Goals {
  /** Lockstep's time over that of the better of Keras and PyTorch, at most. */
  readonly ofBetterPeer: number;
  /** Plain tfjs-node's time over Lockstep's, at least; null where none is set. */
  readonly overTfjsNode: number | null;
}

/** Samples a step. The peers' scripts have the same number. */
export const batchRows = 32;

export const workloads: readonly Workload[] = [
  { name: 'cnn', title: 'CNN, 64×64×3 images', goals: { ofBetterPeer: 0.85, overTfjsNode: 2 } },
  { name: 'lstm', title: 'LSTM 64, 100 words of 10,000', goals: { ofBetterPeer: 0.85, overTfjsNode: 30 } },
  {
    name: 'transformer',
    title: 'Transformer encoder, 2 layers, 128 wide, 128 long',
    goals: { ofBetterPeer: 1, overTfjsNode: null },
  },
  { name: 'autoencoder', title: 'Autoencoder 784-256-64-256-784', goals: { ofBetterPeer: 1, overTfjsNode: null } },
];

export const runnerNames = ['lockstep', 'tfjs-node', 'keras', 'pytorch'] as const;
export type RunnerName = (typeof runnerNames)[number];

/** What pip installs for each of the Python libraries. */
export const pythonPackages = { keras: ['tensorflow-cpu==2.21.0'], pytorch: ['torch', 'numpy'] } as const;
