export {
  type Channel,
  type ConnectOptions,
  connect,
  type OpenableMethod,
  type OpenOptions,
  toBuffer,
} from './channel.ts';
export { type ByteCounter, MessageStream, type RawCall, type StreamEvents } from './message-stream.ts';
export { type ChannelKind, maxMessageBytes } from './options.ts';
export {
  loadSecurity,
  loopbackSecurity,
  requireSafeListener,
  type Security,
  type SecurityOptions,
} from './security.ts';
export {
  type RunningServer,
  type ServableMethod,
  type ServeOptions,
  type ServerOptions,
  type Service,
  serve,
  startServer,
} from './server.ts';
export {
  type Codec,
  type CoordinatorMessage,
  controlService,
  type OutgoingMessage,
  type PullRequest,
  peerService,
  type StreamMethod,
  type WorkerMessage,
} from './service.ts';
export { connectionLost, isConnectionLost } from './status.ts';
