import type { Log } from '../../shared/telemetry/index.ts';
import type { CompileReport } from '../engine/index.ts';

/** Logs what was compiled, and warns when shapes are compiled again and again: at the 1st, 2nd, 4th, 8th … time. */
export function logCompiled(log: Log): (report: CompileReport) => void {
  return ({ shapes, uses, seconds, recompiled }) => {
    log.info(`compiled for shape ${shapes.join(', ')} (${uses.join(', ')}), took ${seconds.toFixed(2)} s`, {
      ...{ shapes, uses, seconds },
    });
    if (recompiled > 0 && Number.isInteger(Math.log2(recompiled))) {
      log.warn(
        `batches have more shapes than are kept compiled: ${recompiled} of them had to be compiled again so far; ` +
          'bring them to fewer shapes, such as lengths padded to a few sizes',
        { recompiled },
      );
    }
  };
}
