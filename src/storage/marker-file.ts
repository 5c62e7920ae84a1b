// The identity marker: a small file outside of the data directory, such as a mounted ConfigMap, that names the cluster.
import { readFile } from 'node:fs/promises'
import { InsiError } from '../base/errors.ts'

/** What cluster ids are made of, and more: the file is written by people and by other programs. */
const CLUSTER_ID_PATTERN = /^[\x21-\x7e]{1,128}$/

/**
 * The cluster id in the file; null when the file is missing or empty. Rejects with IDENTITY_CORRUPT when it holds anything else,
 * and with the error of the operating system when it cannot be read.
 */
export async function readMarkerFile(path: string): Promise<string | null> {
  let text: string
  try {
    text = (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  if (text === '') return null
  if (CLUSTER_ID_PATTERN.test(text)) return text
  throw new InsiError('IDENTITY_CORRUPT', `${path} does not hold the id of a cluster`)
}
