// The command line of insi-reconciler, as far as it needs no Kubernetes.
import { spawnSync } from 'node:child_process'
import path from 'node:path'

const ENTRY = path.resolve(import.meta.dirname, '../../../src/bin/insi-reconciler.ts')

function reconciler(...words: string[]): {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
} {
  const { PATH } = process.env
  const { status, stderr, stdout } = spawnSync(process.execPath, [ENTRY, ...words], {
    encoding: 'utf8',
    env: { ...(PATH === undefined ? {} : { PATH }), KUBECONFIG: '/nonexistent/kubeconfig' },
  })
  return { code: status, stderr, stdout }
}

test('--help shows flags and examples', () => {
  const { code, stdout } = reconciler('--help')
  expect(code).toBe(0)
  for (const part of ['--statefulset', '--once', '--dry-run', 'Examples:', 'insi.io/paused'])
    expect(stdout).toContain(part)
})

test.each([
  [['--once'], "required option '--statefulset <name>' not specified"],
  [['--statefulset', 'insi', '--dry-run'], '--dry-run needs --once'],
  [['--statefulset', 'insi', '--raft-port', '0'], 'It must be a port, 1 to 65535.'],
  [['--statefulset', 'insi', '--settle-seconds', 'soon'], 'It must be a number of seconds.'],
  [['--statefulset', 'insi', '--unknown'], "unknown option '--unknown'"],
])('%j is a wrong use: exit code 2 and a sentence', (words, sentence) => {
  const { code, stderr } = reconciler(...words)
  expect([code, stderr.includes(sentence)]).toEqual([2, true])
})

test('without a secret it does not start', () => {
  expect(reconciler('--statefulset', 'insi', '--once')).toMatchObject({
    code: 1,
    stderr: 'insi-reconciler: there is no instance secret: name its file with --secret-file\n',
  })
})
