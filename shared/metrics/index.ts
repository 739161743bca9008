export type { MetricDefinition, MetricValue, ValueConfig } from './definition.ts';
export { aucThresholds, evenThresholds, givenThresholds, type ThresholdPlan } from './thresholds.ts';
export { metricValue } from './value.ts';
export { metricValues, scalarNames, scalarsOf, totalWidth } from './values.ts';
