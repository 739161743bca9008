export const usage = `usage: node cli/setup/main.mjs [--engine tensorflow|cpu] [--then demo|test|bench [arguments…]]

  --engine cpu   do without TensorFlow (also LOCKSTEP_ENGINE=cpu): slow, needs no compiler, no Python, no download
  --then         what to run when all is set up; what follows is passed on to it

environment:
  LOCKSTEP_ACCELERATOR=cuda       the engine with CUDA (default: cpu)
  LOCKSTEP_LIBTENSORFLOW=/path    a TensorFlow that is already here, with lib/ and include/; nothing is downloaded
  LOCKSTEP_CACHE=/path            where the engine is kept for all checkouts (default: ~/.cache/lockstep)`;

const nextCommands = /** @type {const} */ (['demo', 'test', 'bench']);

/**
 * @typedef {object} SetupArguments
 * @property {import('./checks.mjs').EngineName} engine
 * @property {{ command: typeof nextCommands[number], args: string[] } | undefined} next
 */

/**
 * @typedef {{ kind: 'run', arguments: SetupArguments } | { kind: 'help' } | { kind: 'refused', problem: string }} ParsedArguments
 */

/**
 * `npm test -- --tier unit` arrives as `--then test --tier unit`: everything after the command belongs to it, except
 * --engine, which set-up must know as well.
 * @param {readonly string[]} argv
 * @param {NodeJS.ProcessEnv} env
 * @returns {ParsedArguments}
 */
export function parseSetupArguments(argv, env) {
  let engine = env['LOCKSTEP_ENGINE'] || 'tensorflow';
  /** @type {SetupArguments['next']} */
  let next;
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? '';
    const [name, inlineValue] = argument.split('=', 2);
    const takeValue = () => inlineValue ?? argv[++index];
    if (name === '--engine') {
      engine = takeValue() ?? '';
    } else if (next !== undefined) {
      next.args.push(argument);
    } else if (name === '--then') {
      const value = takeValue();
      const command = nextCommands.find((known) => known === value);
      if (command === undefined)
        return { kind: 'refused', problem: `--then: expected one of ${nextCommands.join(', ')}` };
      next = { command, args: [] };
    } else if (name === '--help' || name === '-h') {
      return { kind: 'help' };
    } else {
      return { kind: 'refused', problem: `unknown option ${argument}` };
    }
  }
  if (engine !== 'cpu' && engine !== 'tensorflow') {
    return {
      kind: 'refused',
      problem: `--engine (LOCKSTEP_ENGINE) is ${JSON.stringify(engine)}: expected tensorflow or cpu`,
    };
  }
  return { kind: 'run', arguments: { engine, next } };
}
