// Replays scenarios/*.txt and compares with what is recorded there. UPDATE=1 records anew; read the difference before committing.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { playScenario } from './scenario-runner.ts'

const DIRECTORY = path.join(import.meta.dirname, 'scenarios')
const files = readdirSync(DIRECTORY).filter((file) => file.endsWith('.txt'))

test('there are scenarios', () => {
  expect(files.length).toBeGreaterThan(0)
})

test.each(files)('%s happens as recorded', (file) => {
  const recorded = readFileSync(path.join(DIRECTORY, file), 'utf8')
  const played = playScenario(recorded)
  if (process.env['UPDATE'] === '1') writeFileSync(path.join(DIRECTORY, file), played)
  else expect(played).toBe(recorded)
})
