import type { Microstep } from './engine.ts';

/**
 * Numbers a step's microsteps over all replicas; decides what its random ops draw. k microsteps of R replicas draw as
 * one microstep of k·R replicas with the same samples would.
 */
export function laneOf({ replica, replicas, microstep = 0 }: Microstep): number {
  return microstep * replicas + replica;
}
