// ReplaceableStore on directories: each store is a generation, and a small file names the one that counts.
//
//   <directory>/CURRENT           "generation-000002\n", replaced by rename
//   <directory>/generation-000002 the current store
//   <directory>/generation-000003 a replacement being filled; removed at the next open when it never became current
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { assert } from '../base/assert.ts'
import { InsiError } from '../base/errors.ts'
import { LevelStore } from './level-store.ts'
import type { OrderedStore, ReplaceableStore } from './ordered-store.ts'

const CURRENT_FILE = 'CURRENT'
const CURRENT_TEMPORARY_FILE = 'CURRENT.tmp'
const FIRST_GENERATION = 1
const GENERATION_NAME = /^generation-(\d{6,})$/

interface Generation {
  readonly number: number
  readonly store: OrderedStore
}

export class ReplaceableLevelStore implements ReplaceableStore {
  readonly #directory: string
  #current: Generation
  #replacement: Generation | null = null

  private constructor(directory: string, current: Generation) {
    this.#directory = directory
    this.#current = current
  }

  /** Opens the current generation in `directory`, or makes the first one; removes leftovers. Throws like LevelStore.open(). */
  static async open(directory: string): Promise<ReplaceableLevelStore> {
    await mkdir(directory, { recursive: true })
    const named = await readCurrent(directory)
    const number = named ?? FIRST_GENERATION
    if (named === undefined) {
      // Before the first CURRENT only the first generation can exist.
      if ((await generationsIn(directory)).some((found) => found !== FIRST_GENERATION)) throw pointerCorrupt()
      await syncDirectory(path.dirname(directory))
    } else {
      // A process that was killed may have left the name in the page cache alone: the generation before goes only when it is durable.
      await syncDirectory(directory)
    }
    await removeOthers(directory, number)
    const store = await LevelStore.open(path.join(directory, nameOf(number)))
    if (named === undefined) await writeCurrent(directory, number)
    return new ReplaceableLevelStore(directory, { number, store })
  }

  current(): OrderedStore {
    return this.#current.store
  }

  async beginReplacement(): Promise<OrderedStore> {
    await this.abortReplacement()
    const number = this.#current.number + 1
    const store = await LevelStore.open(this.#pathOf(number))
    this.#replacement = { number, store }
    return store
  }

  async commitReplacement(): Promise<void> {
    const replacement = this.#replacement
    assert(replacement !== null, 'no replacement was begun')
    await replacement.store.batch([], { sync: true })
    await writeCurrent(this.#directory, replacement.number)
    const old = this.#current
    this.#current = replacement
    this.#replacement = null
    await old.store.close()
    await rm(this.#pathOf(old.number), { recursive: true, force: true })
  }

  async abortReplacement(): Promise<void> {
    if (this.#replacement === null) return
    const { number, store } = this.#replacement
    this.#replacement = null
    await store.close()
    await rm(this.#pathOf(number), { recursive: true, force: true })
  }

  async close(): Promise<void> {
    await this.abortReplacement()
    await this.#current.store.close()
  }

  #pathOf(number: number): string {
    return path.join(this.#directory, nameOf(number))
  }
}

function nameOf(number: number): string {
  return `generation-${String(number).padStart(6, '0')}`
}

async function generationsIn(directory: string): Promise<number[]> {
  const names = await readdir(directory)
  return names.flatMap((name) => {
    const match = GENERATION_NAME.exec(name)
    return match === null ? [] : [Number(match[1])]
  })
}

/** The generation that CURRENT names, or undefined when there is no CURRENT yet. */
async function readCurrent(directory: string): Promise<number | undefined> {
  let content: string
  try {
    content = await readFile(path.join(directory, CURRENT_FILE), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const match = GENERATION_NAME.exec(content.trimEnd())
  if (match === null || !content.endsWith('\n')) throw pointerCorrupt()
  const number = Number(match[1])
  if (!(await generationsIn(directory)).includes(number)) throw pointerCorrupt()
  return number
}

/** Durable when it resolves: the file before its name, the name before anything that relies on it. */
async function writeCurrent(directory: string, number: number): Promise<void> {
  const temporary = path.join(directory, CURRENT_TEMPORARY_FILE)
  const file = await open(temporary, 'w')
  try {
    await file.writeFile(`${nameOf(number)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path.join(directory, CURRENT_FILE))
  await syncDirectory(directory)
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function removeOthers(directory: string, number: number): Promise<void> {
  for (const other of await generationsIn(directory)) {
    if (other !== number) await rm(path.join(directory, nameOf(other)), { recursive: true, force: true })
  }
  await rm(path.join(directory, CURRENT_TEMPORARY_FILE), { force: true })
}

function pointerCorrupt(): InsiError {
  return new InsiError('STATE_CORRUPT', 'The file that names the current store is damaged or names a missing one.')
}
