import { type ChannelOptions, logVerbosity, setLogVerbosity } from '@grpc/grpc-js';

/** Control: small messages that must arrive soon. Bulk: tensors. They never share a connection. */
export type ChannelKind = 'control' | 'bulk';

/** Largest message of each kind; a bulk segment's payload must stay 64 KiB below. */
export const maxMessageBytes: Readonly<Record<ChannelKind, number>> = {
  control: 16 * 1024 * 1024,
  bulk: 16 * 1024 * 1024,
};

/** Bytes queued at a sender before `send` waits. */
export const queueBytes: Readonly<Record<ChannelKind, number>> = {
  control: 1024 * 1024,
  bulk: 2 * 1024 * 1024,
};

/**
 * A half-open connection (cable pulled, machine gone) is noticed by pings; a dead process is noticed at once by TCP.
 * Bulk waits longer: its thread may be busy adding.
 */
function keepalive(kind: ChannelKind): Partial<ChannelOptions> {
  return {
    'grpc.keepalive_time_ms': kind === 'control' ? 5_000 : 20_000,
    'grpc.keepalive_timeout_ms': kind === 'control' ? 5_000 : 20_000,
    'grpc.keepalive_permit_without_calls': 1,
  };
}

function limits(kind: ChannelKind): Partial<ChannelOptions> {
  return {
    'grpc.max_receive_message_length': maxMessageBytes[kind],
    'grpc.max_send_message_length': maxMessageBytes[kind],
    'grpc.enable_channelz': 0,
  };
}

export function channelOptions(kind: ChannelKind): ChannelOptions {
  return {
    ...limits(kind),
    ...keepalive(kind),
    // One connection for each channel, so that control never queues behind tensors.
    'grpc.use_local_subchannel_pool': 1,
    // Streams are not replayed: the protocols above know what to send again.
    'grpc.enable_retries': 0,
    'grpc.per_rpc_retry_buffer_size': 0,
    'grpc.service_config_disable_resolution': 1,
    // Peers of a run talk directly; a proxy from the environment is for the outside.
    'grpc.enable_http_proxy': 0,
    // 64 KiB, the default, gives 0.2 GB/s on loopback; 1 to 4 MiB give 1.0 to 1.7, 16 and 64 MiB no more than that.
    ...(kind === 'bulk' ? { 'grpc-node.flow_control_window': 4 * 1024 * 1024 } : {}),
  };
}

export function serverOptions(kind: ChannelKind): ChannelOptions {
  return { ...limits(kind), ...keepalive(kind) };
}

/** Everything that gRPC would print reaches the user as an error of ours, unless GRPC_VERBOSITY asks for more. */
export function quietGrpc(): void {
  if (process.env['GRPC_VERBOSITY'] ?? process.env['GRPC_NODE_VERBOSITY']) return;
  setLogVerbosity(logVerbosity.NONE);
}
