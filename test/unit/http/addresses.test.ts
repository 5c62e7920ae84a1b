import { clientAddress, NetworkList } from '../../../src/http/addresses.ts'

test('a list of addresses and networks knows its members in both families', () => {
  const list = new NetworkList(['192.0.2.7', '10.0.0.0/8', '2001:db8::/32', '::1'])
  for (const address of ['192.0.2.7', '10.255.0.1', '::ffff:10.1.2.3', '2001:db8:1::5', '::1']) {
    expect([address, list.has(address)]).toEqual([address, true])
  }
  for (const address of ['192.0.2.8', '11.0.0.1', '::ffff:11.0.0.1', '2001:db9::1', '', 'localhost']) {
    expect([address, list.has(address)]).toEqual([address, false])
  }
})

describe('the client of a request', () => {
  const proxies = new NetworkList(['127.0.0.1', '10.0.0.0/8'])
  test.each([
    ['198.51.100.1', undefined, '198.51.100.1'],
    ['198.51.100.1', '203.0.113.9', '198.51.100.1'],
    ['127.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['::ffff:127.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['127.0.0.1', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
    ['127.0.0.1', '1.1.1.1, 203.0.113.9, 10.4.4.4', '203.0.113.9'],
    ['127.0.0.1', '10.9.9.9', '10.9.9.9'],
    ['127.0.0.1', 'unknown', '127.0.0.1'],
    ['127.0.0.1', '203.0.113.9:4711', '203.0.113.9'],
    ['127.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
    ['127.0.0.1', '', '127.0.0.1'],
  ])('at peer %s with X-Forwarded-For %j is %s', (peer, forwardedFor, client) => {
    expect(clientAddress(peer, forwardedFor, proxies)).toBe(client)
  })
})
