import { LockstepError } from '../../shared/core/index.ts';
import type { MetricConfig, TensorSpec } from '../../shared/job/index.ts';
import { checkTarget, type ModelPort, showShape } from './check-data.ts';
import { encodingOf } from './target-encoding.ts';

/**
 * Whether a metric can be computed on an output and its target.
 * @throws LockstepError data/shape where the target doesn't fit, job/invalid where the output doesn't
 */
export function checkMetric(config: MetricConfig, port: ModelPort, target: TensorSpec): void {
  checkOutput(config, port);
  switch (config.kind) {
    case 'accuracy':
    case 'confusionMatrix': {
      const needs = encodingOf(target.shape, port.shape) === 'sparse' ? 'labels' : 'values';
      checkTarget(config.kind, needs, port, target);
      return;
    }
    case 'meanIoU':
      if (config.sparseYTrue !== config.sparseYPred) return;
      break;
    case 'sparseCategoricalAccuracy':
    case 'sparseTopKCategoricalAccuracy':
    case 'sparseCategoricalCrossentropy':
      checkTarget(config.kind, 'labels', port, target);
      return;
  }
  checkTarget(config.kind, 'values', port, target);
}

function checkOutput(config: MetricConfig, port: ModelPort): void {
  const values = port.shape.at(-1) ?? null;
  const refuse = (needs: string): never => {
    throw new LockstepError(
      'job/invalid',
      `metric ${config.name} needs ${needs}, but the output of layer ${port.layer} has shape ${showShape(port.shape)} per sample`,
      { details: { metric: config.name, layer: port.layer } },
    );
  };
  const isList = port.shape.length === 1 && values !== null;
  const atMost = (option: string, value: number | null, most: number): void => {
    if (value !== null && (values === null || value > most))
      refuse(`an output of more values for its ${option} of ${value}`);
  };
  switch (config.kind) {
    case 'f1Score':
    case 'fBetaScore':
    case 'r2Score':
      if (!isList) refuse('one list of values per sample');
      return;
    case 'confusionMatrix':
      if (values === null) refuse('a known number of classes');
      return;
    case 'auc':
      if (config.multiLabel && !isList) refuse('one list of values per sample (multiLabel)');
      if (config.labelWeights !== null && config.labelWeights.length !== values) {
        refuse(`as many values as labelWeights, ${config.labelWeights.length}`);
      }
      return;
    case 'precision':
    case 'recall':
      atMost('topK', config.topK, values ?? 0);
      atMost('classId', config.classId, (values ?? 0) - 1);
      return;
    case 'sensitivityAtSpecificity':
    case 'specificityAtSensitivity':
    case 'precisionAtRecall':
    case 'recallAtPrecision':
      atMost('classId', config.classId, (values ?? 0) - 1);
      return;
    default:
      return;
  }
}
