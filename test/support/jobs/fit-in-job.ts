import { fit } from 'lockstep';
import job from './small.ts';

await fit(job);
export default job;
