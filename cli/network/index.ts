export { commandOn, forkOptions, loopbackNetwork, type Network, type NetworkNode } from './node.ts';
