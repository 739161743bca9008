/** Shapes that were given up are known again up to this many; more would be a leak. */
const REMEMBERED = 1000;

/** Decides which compiled sections stay: those announced always, of the others the most recently used ones. */
export class SectionCache {
  readonly #limit: number;
  readonly #announced: ReadonlySet<string>;
  /** Least recently used first. */
  readonly #others = new Set<string>();
  readonly #evicted = new Set<string>();
  #recompiled = 0;

  /** @param limit sections beside the announced ones, at least 1 */
  constructor(announced: Iterable<string>, limit: number) {
    this.#announced = new Set(announced);
    this.#limit = limit;
  }

  /** Whether the section is there; it counts as used now. */
  use(id: string): boolean {
    if (this.#announced.has(id)) return true;
    if (!this.#others.delete(id)) return false;
    this.#others.add(id);
    return true;
  }

  /** Sections that must go for one more to fit, least recently used first. */
  roomForOne(): readonly string[] {
    return [...this.#others].slice(0, Math.max(0, this.#others.size + 1 - this.#limit));
  }

  /**
   * Takes in a section that is not there, in place of `roomForOne`'s.
   * @returns how many sections were compiled again so far if this is one of them: the cache is too small; else 0
   */
  admit(id: string): number {
    for (const other of this.roomForOne()) {
      this.#others.delete(other);
      this.#evicted.add(other);
    }
    this.#others.add(id);
    const [oldest] = this.#evicted;
    if (this.#evicted.size > REMEMBERED && oldest !== undefined) this.#evicted.delete(oldest);
    return this.#evicted.delete(id) ? ++this.#recompiled : 0;
  }
}
