import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { NodeDisk } from '../../src/storage/node-disk.ts'
import { createSimDisk } from '../sim/sim-disk-fixture.ts'
import { describeLog } from './log.suite.ts'

const directories: string[] = []
afterAll(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true }))))

describeLog('real files', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'insi-log-'))
  directories.push(directory)
  return { nextProcess: () => new NodeDisk(directory), run: (promise) => promise }
})

describeLog('the simulation', async () => {
  const fixture = createSimDisk(1)
  return { nextProcess: () => fixture.disk.mount(), run: fixture.run }
})
