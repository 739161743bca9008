import type { Command } from 'commander';
import { exitCodes } from './failures.ts';
import { addOptions, readOptions } from './options.ts';
import type { Finish } from './program.ts';

const examples = `
Examples:
  lockstep export lockstep-out --format keras --out model.keras            for Python: keras.saving.load_model
  lockstep export lockstep-out --format savedmodel --out model             for TensorFlow: tf.saved_model.load
  lockstep export lockstep-out/model --format safetensors --out weights.safetensors

The file or directory appears when it is whole. docs/import-export.md says which layers have no equal where.`;

export function exportCommand(program: Command, finish: Finish): void {
  const line = program
    .command('export')
    .description('Write a saved model in the form of another program.')
    .argument('<run-or-model>', 'output directory of a run, or directory of a saved model');
  addOptions(line, 'export')
    .addHelpText('after', examples)
    .action(async (model: string) => {
      const { format, out, force } = readOptions('export', line);
      const { runExport } = await import('../worker/index.ts');
      await runExport({ model, format, out, force });
      console.error(`lockstep: ${out} written`);
      finish(exitCodes.success);
    });
}
