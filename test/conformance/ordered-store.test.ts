import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ReplaceableLevelStore } from '../../src/storage/replaceable-level-store.ts'
import { ReplaceableMemoryStore } from '../../src/storage/replaceable-memory-store.ts'
import { describeOrderedStore, describeReplaceableStore } from './ordered-store.suite.ts'

const directories: string[] = []
afterAll(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true }))))

async function openLevel(): Promise<ReplaceableLevelStore> {
  const directory = await mkdtemp(path.join(tmpdir(), 'insi-store-'))
  directories.push(directory)
  return ReplaceableLevelStore.open(directory)
}

describeOrderedStore('memory', async () => new ReplaceableMemoryStore())
describeReplaceableStore('memory', async () => new ReplaceableMemoryStore())
describeOrderedStore('LevelDB', openLevel)
describeReplaceableStore('LevelDB', openLevel)
