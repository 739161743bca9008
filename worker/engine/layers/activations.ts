import { LockstepError, nearest } from '../../../shared/core/index.ts';
import { type ActivationName, activationEntries } from '../../../shared/layers/index.ts';
import { tf } from '../tf.ts';
import { activations } from './activation-functions.ts';

/** A name, or one of the functions of `activations`. */
export type ActivationIdentifier = ActivationName | (typeof activations)[ActivationName];

/** What tfjs-layers saves for an activation. @throws LockstepError job/invalid */
export function savedActivation(given: unknown): string {
  const names = Object.keys(activationEntries) as ActivationName[];
  const known = names.find((name) => name === given || activations[name] === given);
  if (known !== undefined) return activationEntries[known].saved;
  const isFunction = typeof given === 'function';
  const close = typeof given === 'string' ? nearest(given, names) : undefined;
  const meant = close === undefined ? '' : `, did you mean ${close}?`;
  throw new LockstepError(
    'job/invalid',
    isFunction
      ? 'an activation is a function of your own, which no saved model could name: write a layer with it (a class that ' +
          'extends tf.layers.Layer, registered with tf.serialization.registerClass), or take one of `activations`'
      : `there is no activation ${JSON.stringify(given)}${meant}; known are ${names.join(', ')}`,
  );
}

/** Registers the activations that tfjs-layers lacks, under the names that models save. */
export function registerActivations(): void {
  const { classNameMap } = tf.serialization.SerializationMap.getMap();
  for (const name of Object.keys(activationEntries) as ActivationName[]) {
    const { saved } = activationEntries[name];
    if (classNameMap[saved] !== undefined) continue;
    const compute = activations[name] as (x: tf.Tensor) => tf.Tensor;
    class OwnActivation extends tf.serialization.Serializable {
      static readonly className = saved;
      apply(x: tf.Tensor): tf.Tensor {
        return tf.tidy(() => compute(x));
      }
      getConfig(): tf.serialization.ConfigDict {
        return {};
      }
    }
    tf.serialization.registerClass(OwnActivation);
  }
}
