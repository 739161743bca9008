export { type Algorithm, type AlgorithmChoice, algorithms } from './algorithm.ts';
export { type Allreduce, type AllreduceOptions, createAllreduce, type ExchangeChoice } from './allreduce.ts';
export {
  type CostInputs,
  type CostShape,
  chooseAlgorithm,
  compareAlgorithms,
  defaultCosts,
  type LinkCost,
  type Prediction,
  predict,
} from './cost-model.ts';
export { formatCosts, reasonOf } from './explain-choice.ts';
export type { GroupExchange, NamedBytes } from './group-exchange.ts';
export { GrpcTransport, type GrpcTransportOptions } from './grpc-transport.ts';
export { MemoryNetwork, type MemoryNetworkOptions } from './memory-transport.ts';
export { PowerSgd, type PowerSgdOptions } from './power-sgd.ts';
export type { ReplicaResiduals } from './residuals.ts';
export { TopK } from './top-k.ts';
export type { Member, Transport } from './transport.ts';
export { isNode, maximalSubtrees, siblingOf, TreeSum } from './tree.ts';
export type { WireFormat, WireValues } from './wire-format.ts';
