/** Names of placeholders; those of a microstep are prefixed by its row count. */
export const feedNames = {
  input: (rows: number, index: number) => `rows${rows}/input${index}`,
  target: (rows: number, index: number) => `rows${rows}/target${index}`,
  weights: (rows: number) => `rows${rows}/weights`,
  globalSamples: (rows: number) => `rows${rows}/globalSamples`,
  samples: (rows: number) => `rows${rows}/samples`,
  seed: (rows: number) => `rows${rows}/seed`,
  bucket: (index: number) => `bucket${index}`,
  changes: 'changes',
  /** `stepNumbers` */
  number: (index: number) => `number${index}`,
  initial: (index: number) => `initial${index}`,
};
