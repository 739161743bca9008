import { csvLogger } from './csv-logger.ts';
import { earlyStopping } from './early-stopping.ts';
import { learningRateScheduler, reduceLROnPlateau } from './learning-rate.ts';
import { modelCheckpoint } from './model-checkpoint.ts';
import { tensorBoard } from './tensor-board.ts';

export type { CSVLoggerOptions } from './csv-logger.ts';
export type { EarlyStoppingOptions } from './early-stopping.ts';
export type { ReduceLROnPlateauOptions } from './learning-rate.ts';
export type { ModelCheckpointOptions } from './model-checkpoint.ts';
export { isGreaterBetter, type MonitorOptions } from './monitor.ts';
export type { TensorBoardOptions } from './tensor-board.ts';

/** What a job's `callbacks` are made of, besides objects of the job's own. Each call makes one for one run. */
export const callbacks = {
  csvLogger,
  earlyStopping,
  learningRateScheduler,
  modelCheckpoint,
  reduceLROnPlateau,
  tensorBoard,
};
