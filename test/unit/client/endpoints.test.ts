// In which order nodes are asked.
import { EndpointList } from '../../../src/client/endpoints.ts'
import { ENDPOINT_COOLDOWN_MS } from '../../../src/client/options.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

function listOf(...names: readonly string[]): { list: EndpointList; clock: VirtualClock; order: () => string } {
  const clock = new VirtualClock()
  const list = new EndpointList(
    names.map((name) => ({ publicUrl: `http://${name}` })),
    clock,
  )
  return {
    list,
    clock,
    order: () =>
      list
        .inOrder()
        .map((endpoint) => endpoint.publicUrl.hostname)
        .join(''),
  }
}

test('the first is asked first, until it fails', () => {
  const { list, order } = listOf('a', 'b', 'c')
  expect(order()).toBe('abc')
  list.failed(list.inOrder()[0])
  expect(order()).toBe('bca')
})

test('the one that worked last is asked first', () => {
  const { list, order } = listOf('a', 'b', 'c')
  const [, second] = list.inOrder()
  list.succeeded(second!)
  expect(order()).toBe('bac')
})

test('one that failed comes last for a while, then has its place again', () => {
  const { list, clock, order } = listOf('a', 'b', 'c')
  list.failed(list.inOrder()[1]!)
  expect(order()).toBe('acb')
  clock.advance(ENDPOINT_COOLDOWN_MS)
  expect(order()).toBe('abc')
})

test('all are asked when all have failed', () => {
  const { list, order } = listOf('a', 'b')
  for (const endpoint of list.inOrder()) list.failed(endpoint)
  expect(['ab', 'ba']).toContain(order())
})
