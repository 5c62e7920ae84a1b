// Answers of the server and what the client makes of them, shared by the tests of its calls.
export const LIMITS = {
  usage: { bytes_on_disk: 1, bytes_in_memory: 2, events_emitted: 3, subscribers: 4 },
  max_limits: {
    bytes_on_disk: 10,
    bytes_in_memory: 20,
    events_emitted: 30,
    subscribers: 40,
    rate_per_second_data_limit: 50,
    rate_per_second_event_limit: 60,
  },
}
export const PARSED_LIMITS = {
  usage: { diskBytes: 1, memoryBytes: 2, events: 3, subscribers: 4 },
  limits: {
    diskBytes: 10,
    memoryBytes: 20,
    events: 30,
    subscribers: 40,
    dataRequestsPerSecond: 50,
    eventRequestsPerSecond: 60,
  },
}
export const WIRE_ENTITY = {
  root_api_key: 'insi_tenant',
  aliases: null,
  data_scope_uuid: 'scope',
  key_uuid: 'uuid',
  usage: LIMITS,
}
export const ENTITY = { key: 'insi_tenant', aliases: [], dataScopeUuid: 'scope', keyUuid: 'uuid', ...PARSED_LIMITS }
