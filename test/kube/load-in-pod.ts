// The load as a program in a pod, for what cuts the tests off from the cluster: runs until /tmp/stop is there, then reads everything
// back and prints one line of JSON.
import { existsSync } from 'node:fs'
import { AcknowledgedWriter } from '../support/acknowledged-writer.ts'

const POLL_MS = 200

const targets = (process.env['TARGETS'] ?? '').split(',').map((url) => () => url)
const writer = new AcknowledgedWriter(targets, process.env['API_KEY'] ?? '')
const timer = setInterval(() => {
  if (!existsSync('/tmp/stop')) return
  clearInterval(timer)
  void finish()
}, POLL_MS)

async function finish(): Promise<void> {
  const report = await writer.stop()
  process.stdout.write(`${JSON.stringify({ ...report, lost: await writer.lost(targets) })}\n`)
}
