// Writes docs/CLI.md from the table of commands. A test compares them.
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { renderReference } from '../src/cli/reference.ts'

export async function generateCliDocs(): Promise<void> {
  await writeFile(path.resolve(import.meta.dirname, '../docs/CLI.md'), renderReference())
}
