// The layers. Direction: bin -> node.ts -> http -> services -> {state, replication} -> {raft, storage} -> base.
// test/tidy.test.ts runs these rules, so a wrong import fails `npm test` with the rule's comment.
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: `^src/${from}/` },
  to: { path: '^src/', pathNot: [`^src/${from}/`, ...allowed.map((room) => `^src/${room}`)] },
})
const onlyRoomUses = (name, rooms, modules, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: '^src/', pathNot: rooms },
  to: { path: modules },
})

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'Break the circle: move what both need down a layer.',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    only('base-imports-nothing', 'base', [], 'base/ imports nothing of ours: pass what it needs as a parameter.'),
    only('raft-imports-only-base', 'raft', ['base/'], 'raft/ is sans-I/O: hand it values, take effects from it.'),
    only('storage-layer', 'storage', ['base/'], 'storage/ knows no nouns: put meaning into state/.'),
    only(
      'state-layer',
      'state',
      ['base/', 'contract/', 'raft/types.ts', 'storage/'],
      'state/ must not see replication, services or http.',
    ),
    only(
      'replication-layer',
      'replication',
      ['base/', 'raft/', 'storage/'],
      'replication/ sees the state only through its ports.',
    ),
    {
      name: 'replica-joins-the-rooms',
      severity: 'error',
      comment: 'Rooms of replication/ do not see replica/, which joins them: take what is needed as a parameter.',
      from: { path: '^src/replication/(log|transport|snapshots|membership)/' },
      to: { path: '^src/replication/replica/' },
    },
    only(
      'contract-layer',
      'contract',
      ['base/'],
      'contract/ is shared by server and clients: only data and pure functions.',
    ),
    only('config-layer', 'config', ['base/', 'contract/'], 'config/ is read by everyone and reads nobody.'),
    only(
      'services-layer',
      'services',
      ['base/', 'contract/', 'config/', 'state/'],
      'services/ see replication only as the port in services/replicator.ts.',
    ),
    only('metrics-layer', 'metrics', ['base/', 'contract/'], 'metrics/ is a catalogue: whoever measures calls it.'),
    only('logging-layer', 'logging', ['base/'], 'logging/ implements the port of base/log.ts.'),
    only(
      'http-layer',
      'http',
      ['base/', 'contract/', 'config/', 'services/', 'metrics/', 'state/state-reader.ts', 'state/commands.ts'],
      'http/ parses and answers; work belongs into services/.',
    ),
    only('client-layer', 'client', ['base/', 'contract/'], 'client/ ships to users: no server folders.'),
    only(
      'cli-layer',
      'cli',
      ['base/', 'contract/', 'client/', 'config/', 'archive/'],
      'cli/ uses the client, never server folders.',
    ),
    only(
      'archive-layer',
      'archive',
      ['base/', 'contract/'],
      'archive/ knows where backups are kept and that they are whole, not what they mean.',
    ),
    only(
      'reconciler-layer',
      'reconciler',
      ['base/', 'contract/', 'client/', 'metrics/'],
      'reconciler/ is a client of the cluster like any other: it talks to nodes over the API alone.',
    ),
    onlyRoomUses(
      'only-reconciler-uses-kubernetes',
      ['^src/reconciler/'],
      '(^|/)node_modules/@kubernetes(/|$)',
      'Only reconciler/ talks to Kubernetes.',
    ),
    onlyRoomUses(
      'only-http-uses-koa',
      ['^src/http/'],
      '(^|/)node_modules/(koa|@koa|koa-websocket)(/|$)',
      'Only http/ imports koa.',
    ),
    onlyRoomUses(
      'only-storage-uses-level',
      ['^src/storage/'],
      '(^|/)node_modules/(level|classic-level|abstract-level)(/|$)',
      'Only storage/ imports level.',
    ),
    onlyRoomUses(
      'only-logging-uses-pino',
      ['^src/logging/'],
      '(^|/)node_modules/(pino|pino-pretty)(/|$)',
      'Only logging/ imports pino.',
    ),
    onlyRoomUses(
      'only-metrics-uses-prom-client',
      ['^src/metrics/'],
      '(^|/)node_modules/prom-client(/|$)',
      'Only metrics/ imports prom-client.',
    ),
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|test|scripts|bench)/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
