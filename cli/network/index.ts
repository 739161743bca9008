export { formatLink, type LinkSpeed, parseLink } from './link.ts';
export { createNetwork, whyNoNamespaces } from './namespaces.ts';
export { commandOn, forkOptions, loopbackNetwork, type Network, type NetworkNode } from './node.ts';
export { networkDevice } from './plan.ts';
