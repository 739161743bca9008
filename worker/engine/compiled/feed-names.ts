/** Names of placeholders; those of a batch are prefixed by its shape's key. */
export const feedNames = {
  input: (shape: string, index: number) => `rows${shape}/input${index}`,
  target: (shape: string, index: number) => `rows${shape}/target${index}`,
  weights: (shape: string) => `rows${shape}/weights`,
  globalSamples: (shape: string) => `rows${shape}/globalSamples`,
  samples: (shape: string) => `rows${shape}/samples`,
  seed: (shape: string) => `rows${shape}/seed`,
  bucket: (index: number) => `bucket${index}`,
  changes: 'changes',
  /** `stepNumbers` */
  number: (index: number) => `number${index}`,
  initial: (index: number) => `initial${index}`,
  /** What microsteps came to so far. */
  accumulated: (index: number) => `initialAccumulated${index}`,
  /** A slot's value, counted over all weights and their slots. */
  slot: (index: number) => `initialSlot${index}`,
};

/** The node that gives the value of the model's weight `index`, as sections read it. */
export const weightValueName = (index: number): string => `weight${index}/value`;
