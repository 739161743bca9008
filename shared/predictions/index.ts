export { npyHeader } from './npy.ts';
export { type PredictedBatch, PredictionReader } from './reader.ts';
export { type OutputSpec, type ShardPlan, ShardWriter, shardDirectory } from './shard.ts';
