// The identity file: who a node is over restarts, crashes, damage and mistakes.
import { NodeIdentity } from '../../../src/replication/membership/identity.ts'
import { createSimDisk, type SimDiskFixture } from '../../sim/sim-disk-fixture.ts'

function open(fixture: SimDiskFixture, nodeId = 'node-a'): Promise<NodeIdentity> {
  const { disk, random } = fixture
  return fixture.run(NodeIdentity.open({ disk: disk.mount(), nodeId, random }))
}

test('a first start makes an incarnation that survives restarts and crashes', async () => {
  const fixture = createSimDisk(1)
  const first = await open(fixture)
  expect(first.incarnation).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect([first.nodeId, first.memberId, first.clusterId]).toEqual(['node-a', `node-a/${first.incarnation}`, null])
  fixture.disk.crash()
  expect((await open(fixture)).memberId).toBe(first.memberId)
})

test('a wiped disk makes another member', async () => {
  expect((await open(createSimDisk(1))).memberId).not.toBe((await open(createSimDisk(2))).memberId)
})

test('the cluster is remembered durably and never changes', async () => {
  const fixture = createSimDisk(1)
  const identity = await open(fixture)
  await fixture.run(identity.setClusterId('c1'))
  await fixture.run(identity.setClusterId('c1'))
  await expect(identity.setClusterId('c2')).rejects.toThrow('belongs to cluster c1')
  fixture.disk.crash()
  const reopened = await open(fixture)
  expect([reopened.clusterId, reopened.memberId]).toEqual(['c1', identity.memberId])
})

test('a crash while the cluster is remembered leaves the old or the new identity of the same member', async () => {
  const seen = new Set<string | null>()
  for (let seed = 0; seed < 100; seed++) {
    const fixture = createSimDisk(seed)
    const identity = await open(fixture)
    void identity.setClusterId('c1')
    await fixture.steps(seed % 8)
    fixture.disk.crash()
    const reopened = await open(fixture)
    expect(reopened.memberId).toBe(identity.memberId)
    seen.add(reopened.clusterId)
  }
  expect(seen).toEqual(new Set(['c1', null]))
})

test('what a killed process left in the page cache is made durable before it is believed', async () => {
  const seen = new Set<string | null>()
  for (let seed = 0; seed < 100; seed++) {
    const fixture = createSimDisk(seed)
    const identity = await open(fixture)
    void identity.setClusterId('c1')
    await fixture.steps(seed % 8)
    fixture.disk.kill()
    const { clusterId } = await open(fixture)
    fixture.disk.crash()
    expect((await open(fixture)).clusterId).toBe(clusterId)
    seen.add(clusterId)
  }
  expect(seen).toEqual(new Set(['c1', null]))
})

test('a failed write leaves the identity as it was', async () => {
  const fixture = createSimDisk(1)
  const identity = await open(fixture)
  fixture.disk.failNextSync()
  await expect(fixture.run(identity.setClusterId('c1'))).rejects.toMatchObject({ code: 'EIO' })
  expect(identity.clusterId).toBeNull()
})

test('the data directory of another node is refused by both names', async () => {
  const fixture = createSimDisk(1)
  await open(fixture)
  await expect(open(fixture, 'node-b')).rejects.toMatchObject({
    code: 'IDENTITY_MISMATCH',
    message: expect.stringMatching(/belongs to node "node-a", but this node is "node-b"/),
  })
})

test('every flipped bit is noticed or without meaning', async () => {
  const fixture = createSimDisk(1)
  const identity = await open(fixture)
  await fixture.run(identity.setClusterId('c1'))
  const content = fixture.disk.files.snapshot().get('identity.json') ?? Buffer.alloc(0)
  let refused = 0
  for (let bit = 0; bit < content.length * 8; bit++) {
    const damaged = createSimDisk(2)
    damaged.disk.files.put('identity.json', content)
    damaged.disk.files.lookup('identity.json')?.flipBit(bit)
    const outcome = await open(damaged).catch((error: unknown) => error)
    if (outcome instanceof NodeIdentity)
      expect([outcome.memberId, outcome.clusterId]).toEqual([identity.memberId, 'c1'])
    else {
      expect(outcome).toMatchObject({ code: expect.stringMatching(/^IDENTITY_CORRUPT$/) })
      refused++
    }
  }
  expect(refused).toBeGreaterThan(content.length * 6)
})

test('a file of a newer version is refused with its version', async () => {
  const fixture = createSimDisk(1)
  fixture.disk.files.put('identity.json', Buffer.from('{"version":2}'))
  await expect(open(fixture)).rejects.toMatchObject({
    code: 'IDENTITY_CORRUPT',
    message: expect.stringMatching(/version is 2/),
  })
})

test('a quarantine is remembered durably, with its reason, until the disk is wiped', async () => {
  const fixture = createSimDisk(1)
  const identity = await open(fixture)
  expect(identity.quarantined).toBeNull()
  await fixture.run(identity.quarantine('the first reason'))
  await fixture.run(identity.quarantine('another'))
  fixture.disk.crash()
  const reopened = await open(fixture)
  expect([reopened.quarantined, reopened.memberId]).toEqual(['the first reason', identity.memberId])
})

test('a damaged note of the quarantine counts as one', async () => {
  const fixture = createSimDisk(1)
  await open(fixture)
  await fixture.run(fixture.disk.mount().writeFileAtomic('quarantine.json', Buffer.from('{')))
  expect((await open(fixture)).quarantined).toContain('quarantine.json')
})
