// The bytes of what services say to each other across nodes. Part of peer-codec.ts.
import { unreachable } from '../../base/assert.ts'
import type { PeerReader, PeerWriter } from './codec-bytes.ts'
import type { ServiceMessage, TokenGrant, TokenRequest } from '../peer-messages.ts'

export function writeServiceMessage(writer: PeerWriter, message: ServiceMessage): void {
  writer.uint(message.requestId)
  switch (message.type) {
    case 'TokenRequest':
      writer.count(message.entries.length)
      for (const { entityId, rateClass, waiting, extra, whole } of message.entries) {
        writer.uint(entityId)
        writer.boolean(rateClass === 'events')
        writer.uint(waiting)
        writer.uint(extra)
        writer.boolean(whole)
      }
      return
    case 'TokenGrant':
      writer.count(message.entries.length)
      for (const { granted, waitMs } of message.entries) {
        writer.uint(granted)
        writer.double(waitMs)
      }
      return
    case 'OperationsRequest':
    case 'CatchUpRequest':
      return
    case 'CatchUpReport':
      writer.text(message.memberId)
      return
    case 'OperationsReport':
      writer.count(message.rates.length)
      for (const rate of message.rates) writer.double(rate)
      return
    default:
      unreachable(message)
  }
}

export function readServiceMessage(reader: PeerReader, type: ServiceMessage['type']): ServiceMessage {
  const requestId = reader.uint()
  switch (type) {
    case 'TokenRequest': {
      const entries: TokenRequest['entries'][number][] = []
      for (let left = reader.count(); left > 0; left -= 1) {
        const entityId = reader.uint()
        const rateClass = reader.boolean() ? 'events' : 'data'
        const waiting = reader.uint()
        entries.push({ entityId, rateClass, waiting, extra: reader.uint(), whole: reader.boolean() })
      }
      return { type, requestId, entries }
    }
    case 'TokenGrant': {
      const entries: TokenGrant['entries'][number][] = []
      for (let left = reader.count(); left > 0; left -= 1) {
        const granted = reader.uint()
        entries.push({ granted, waitMs: reader.double() })
      }
      return { type, requestId, entries }
    }
    case 'OperationsRequest':
    case 'CatchUpRequest':
      return { type, requestId }
    case 'CatchUpReport':
      return { type, requestId, memberId: reader.text() }
    case 'OperationsReport': {
      const rates: number[] = []
      for (let left = reader.count(); left > 0; left -= 1) rates.push(reader.double())
      return { type, requestId, rates }
    }
    default:
      return unreachable(type)
  }
}
