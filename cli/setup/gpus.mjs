import { runCommand } from './run-command.mjs';

/**
 * @typedef {object} Gpu
 * @property {number} index as CUDA_VISIBLE_DEVICES counts
 * @property {string} name
 * @property {number} memoryBytes
 * @property {number} freeBytes
 * @property {string} driver version
 */

/**
 * @returns {Promise<Gpu[]>} empty where there is no NVIDIA driver
 */
export async function probeGpus() {
  const query = '--query-gpu=index,name,memory.total,memory.free,driver_version';
  const result = await runCommand('nvidia-smi', [query, '--format=csv,noheader,nounits'], { timeoutMs: 30_000 });
  return result.code === 0 ? parseGpus(result.stdout) : [];
}

/**
 * @param {string} csv one line for each GPU; memory in MiB
 * @returns {Gpu[]}
 */
export function parseGpus(csv) {
  const lines = csv.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const [index = '', name = '', total = '', free = '', driver = ''] = line.split(',').map((field) => field.trim());
    return {
      index: Number(index),
      name,
      memoryBytes: Number(total) * 2 ** 20,
      freeBytes: Number(free) * 2 ** 20,
      driver,
    };
  });
}
