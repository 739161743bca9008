import type { Phase } from '../../shared/run/index.ts';
import type { ProgressBoard } from './progress-board.ts';

/** Tells the board which phase a step is in, and adds up how long each took. */
export class PhaseTimer {
  readonly #board: ProgressBoard;
  readonly #step: number;
  readonly #started = performance.now();
  readonly #milliseconds = new Map<Phase, number>();
  #phase: Phase | undefined;
  #entered = 0;

  constructor(board: ProgressBoard, step: number) {
    this.#board = board;
    this.#step = step;
  }

  enter(phase: Phase): void {
    this.#leave();
    this.#phase = phase;
    this.#board.enter(phase, this.#step);
  }

  /** Seconds in `phase` until now. */
  seconds(phase: Phase): number {
    this.#leave();
    return (this.#milliseconds.get(phase) ?? 0) / 1000;
  }

  /** Seconds since the step began. */
  get elapsedSeconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  #leave(): void {
    const now = performance.now();
    if (this.#phase !== undefined) {
      this.#milliseconds.set(this.#phase, (this.#milliseconds.get(this.#phase) ?? 0) + now - this.#entered);
    }
    this.#entered = now;
  }
}
