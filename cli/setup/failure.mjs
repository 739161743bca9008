/** Why set-up stops, in words that its user can act on: what is wrong, then what to do about it. */
export class SetupFailure extends Error {
  /**
   * @param {string} problem what is wrong, where, with the values found
   * @param {string[]} remedies what to do; any one of them is enough
   * @param {{ cause?: unknown }} [options]
   */
  constructor(problem, remedies, options) {
    super(describeFailure(problem, remedies), options);
    this.name = 'SetupFailure';
    this.problem = problem;
    this.remedies = remedies;
  }
}

/**
 * @param {string} problem
 * @param {string[]} remedies
 * @returns {string}
 */
export function describeFailure(problem, remedies) {
  return [problem, ...remedies.map((remedy, index) => `  ${index === 0 ? 'do:' : 'or:'} ${remedy}`)].join('\n');
}

/** What works without the TensorFlow engine or its download; closes most messages. */
export const fallbacks = {
  ownLibrary: 'use a TensorFlow that is already here: LOCKSTEP_LIBTENSORFLOW=/path (with lib/ and include/)',
  cpuEngine: 'do without TensorFlow: --engine cpu or LOCKSTEP_ENGINE=cpu (plain JavaScript: slow, runs anywhere)',
};
