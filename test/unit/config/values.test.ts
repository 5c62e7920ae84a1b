// Durations, sizes, addresses and names as people write them.
import * as fc from 'fast-check'
import { addressesCollide, formatAddress, isLoopbackHost, parseAddress } from '../../../src/config/address.ts'
import { parseDurationMs } from '../../../src/config/duration.ts'
import { parseSizeBytes } from '../../../src/config/size.ts'
import { nearestName, spellingsOf } from '../../../src/config/spelling.ts'

test.each([
  ['1h30m', 5_400_000],
  ['5m0s', 300_000],
  ['500ms', 500],
  ['1.5s', 1_500],
  ['0.1s', 100],
  ['1us', 1],
  ['0', 0],
  ['0s', 0],
  ['250', 250],
  [250, 250],
])('the duration %p is %p ms', (text, durationMs) => {
  expect(parseDurationMs(text)).toBe(durationMs)
})

test.each(['', 's', '1 h', '1h ', '-1s', '1d', '1h30', '1e3s', '.5s', '9999999999999h', -1, 1.5, null, true])(
  '%p is no duration',
  (text) => {
    expect(parseDurationMs(text)).toBeUndefined()
  },
)

test.each([
  ['64MiB', 64 * 1024 ** 2],
  ['1.5GiB', 1.5 * 1024 ** 3],
  ['500kB', 500_000],
  ['500 KB', 500_000],
  ['17B', 17],
  ['17', 17],
  [17, 17],
])('the size %p is %p bytes', (text, sizeBytes) => {
  expect(parseSizeBytes(text)).toBe(sizeBytes)
})

test.each(['MiB', '1mib', '1Mi', '-1', '1e3', -1, 0.5, null])('%p is no size', (text) => {
  expect(parseSizeBytes(text)).toBeUndefined()
})

test.each([
  ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
  [':8080', { host: '0.0.0.0', port: 8080 }],
  ['[::1]:8080', { host: '::1', port: 8080 }],
  ['node-0.insi.svc.cluster.local:0', { host: 'node-0.insi.svc.cluster.local', port: 0 }],
])('the address %s', (text, address) => {
  expect(parseAddress(text)).toEqual(address)
})

test('an address that is printed and parsed again is the same', () => {
  const host = fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter((text) => !text.includes('.')),
    fc.domain(),
  )
  fc.assert(
    fc.property(host, fc.nat(65_535), (host, port) => {
      expect(parseAddress(formatAddress({ host, port }))).toEqual({ host, port })
    }),
  )
})

test.each([
  ['127.0.0.1:1', '127.0.0.1:1', true],
  ['127.0.0.1:1', 'localhost:1', true],
  ['0.0.0.0:1', '10.0.0.1:1', true],
  ['10.0.0.1:1', '[::]:1', true],
  ['10.0.0.1:1', '10.0.0.2:1', false],
  ['10.0.0.1:1', '10.0.0.1:2', false],
  ['0.0.0.0:0', '0.0.0.0:0', false],
])('%s and %s collide: %p', (left, right, collide) => {
  const [a, b] = [parseAddress(left), parseAddress(right)]
  expect(a !== undefined && b !== undefined && addressesCollide(a, b)).toBe(collide)
})

test('only loopback hosts count as loopback', () => {
  expect(['127.0.0.1', '127.1.2.3', '::1', 'localhost'].every(isLoopbackHost)).toBe(true)
  expect(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.org', 'example.org'].some(isLoopbackHost)).toBe(false)
})

test.each([
  ['permittedIPs', ['permittedIPs', 'permitted_ips', 'permittedIps']],
  ['serverMustUseTLS', ['serverMustUseTLS', 'server_must_use_tls', 'serverMustUseTls']],
  ['webSocketReadBufferSize', ['webSocketReadBufferSize', 'web_socket_read_buffer_size']],
  ['insiHome', ['insiHome', 'insi_home', 'insid_home', 'insidHome']],
])('%s may be spelled', (name, spellings) => {
  expect(spellingsOf(name)).toEqual(spellings)
})

test.each([
  ['publcBinding', 'publicBinding'],
  ['raft-binding', 'raftBinding'],
  ['bindingpublic', undefined],
  ['x', undefined],
])('the name nearest to %s is %s', (unknown, nearest) => {
  expect(nearestName(unknown, ['publicBinding', 'privateBinding', 'raftBinding'])).toBe(nearest)
})
