// The texts of insid that need no process: flags in the style of Go, the banner, start errors, completion.
import { spawnSync } from 'node:child_process'
import { InsiError } from '../../../src/base/errors.ts'
import { bannerOf } from '../../../src/bin/insid/banner.ts'
import { completionScript } from '../../../src/bin/insid/completion.ts'
import { normaliseFlags } from '../../../src/bin/insid/go-flags.ts'
import { describeStartError } from '../../../src/bin/insid/start-error.ts'
import { ERRORS } from '../../../src/contract/errors.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { singleNodeFile } from '../config/cluster-file.ts'

const FLAGS = new Map([
  ['config', { takesValue: true }],
  ['host', { takesValue: false }],
])

test.each([
  [
    ['-config', 'x'],
    ['--config', 'x'],
  ],
  [['-config=x=y'], ['--config=x=y']],
  [
    ['--config', '-host'],
    ['--config', '-host'],
  ],
  [['-host=true'], ['--host']],
  [['--host=false'], []],
  [['-host=maybe'], ['-host=maybe']],
  [
    ['-h', '-x', 'word'],
    ['-h', '-x', 'word'],
  ],
  [
    ['--', '-host'],
    ['--', '-host'],
  ],
  [['-config'], ['--config']],
])('%j reads as %j', (words, normal) => {
  expect(normaliseFlags(words, FLAGS)).toEqual(normal)
})

const NODE = {
  nodeId: 'node0',
  publicUrl: 'http://0.0.0.0:8080',
  privateUrl: 'http://127.0.0.1:8081',
  opsUrl: null,
  raftAddress: '127.0.0.1:7000',
}

test('the banner shows addresses that this machine can use', () => {
  const banner = bannerOf([NODE], { configPath: 'my.yaml', insicCommand: 'insic', skipVerify: true })
  expect(banner).toContain('node0  public http://0.0.0.0:8080')
  expect(banner).toContain('curl -k -X POST http://127.0.0.1:8080/db/api/v1/set')
  expect(banner).toContain('insic --config my.yaml root-key')
})

describe('a start error', () => {
  const { config } = parseConfig(singleNodeFile('instanceSecret: change-me'), { path: 'cluster.yaml' })
  const node = config.nodes['node0']
  if (node === undefined) throw new Error('the file has node0')
  const describeError = (error: unknown): string =>
    describeStartError(error, { nodeId: 'node0', node, configPath: 'cluster.yaml', dataDirectory: 'data/node0' })
  const system = (fields: Record<string, unknown>): Error => Object.assign(new Error('failed'), fields)

  test.each([
    [
      { syscall: 'listen', code: 'EADDRINUSE', address: '127.0.0.1', port: 7000 },
      /cannot listen on 127\.0\.0\.1:7000: another program uses this port\. Stop it, or change nodes\.node0\.raftBinding/,
    ],
    [{ syscall: 'listen', code: 'EACCES', address: '127.0.0.1', port: 80 }, /needs privileges/],
    [{ syscall: 'listen', code: 'EADDRNOTAVAIL', address: '10.9.8.7', port: 8080 }, /no such address/],
    [{ syscall: 'open', code: 'EACCES', path: 'data/node0/log' }, /no permission for data\/node0\/log/],
    [{ syscall: 'mkdir', code: 'EROFS', path: 'data' }, /cannot be written/],
    [{ syscall: 'mkdir', code: 'ENOENT', path: 'mnt/data' }, /does not exist and cannot be made/],
    [{ syscall: 'write', code: 'ENOSPC' }, /no space left for data\/node0/],
  ])('of the system %j becomes a sentence, wherever it stands among the causes', (fields, sentence) => {
    expect(describeError(system(fields))).toMatch(sentence)
    const wrapped = new InsiError('STORAGE_FAILED', 'outer', { cause: new AggregateError([system(fields)]) })
    expect(describeError(wrapped)).toMatch(sentence)
  })

  test('of the catalogue keeps its message, code and hint; any other its message', () => {
    const text = describeError(new InsiError('LOG_CORRUPT', 'record 7 of the log is damaged'))
    expect(text).toMatch(/^node0 cannot start: record 7 of the log is damaged \[LOG_CORRUPT\]\. \S/)
    expect(describeError(new InsiError('STATE_CORRUPT', 'The database is damaged.'))).toMatch(
      /The database is damaged \[STATE_CORRUPT\]\. Let the node be rebuilt from its peers/,
    )
    for (const code of Object.keys(ERRORS)) expect(describeError(new InsiError(code, ''))).not.toContain('request id')
    expect(describeError(new Error('odd'))).toBe('node0 cannot start: odd')
    expect(describeError('odd')).toBe('node0 cannot start: odd')
  })
})

test('completion scripts name every flag and command, and bash accepts its own', () => {
  const table = {
    flags: [
      { name: 'config', value: 'path', meaning: "the file's path" },
      { name: 'host', value: null, meaning: 'every node [all]' },
    ],
    commands: [{ name: 'healthcheck', meaning: 'ask' }],
  }
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    const script = completionScript(shell, table)
    for (const word of ['config', 'host', 'healthcheck']) expect(script).toContain(word)
  }
  const check = spawnSync('bash', ['-n'], { input: completionScript('bash', table), encoding: 'utf8' })
  expect(check.stderr).toBe('')
})
