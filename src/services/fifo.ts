// A queue that is read by place, too: places count up and are never used again. Taking from the front costs no more than adding.

/** Taken items of which the array is freed at once, at least. */
const COMPACT_MIN = 1_024

export class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0
  /** The place of the oldest item. */
  firstPlace = 0

  /** The place that the next item will have. */
  get endPlace(): number {
    return this.firstPlace + this.length
  }

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** The item at a place that is still held. */
  at(place: number): T | undefined {
    return place < this.firstPlace ? undefined : this.#items[this.#head + place - this.firstPlace]
  }

  newest(): T | undefined {
    return this.length === 0 ? undefined : this.#items.at(-1)
  }

  /** Takes the oldest item away. */
  shift(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#items[this.#head]
    // Nobody else keeps it alive.
    this.#items[this.#head] = undefined
    this.#head += 1
    this.firstPlace += 1
    if (this.#head >= COMPACT_MIN && 2 * this.#head >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
