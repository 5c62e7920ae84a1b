// What a subscriber receives for an event: JSON that is made once and shared by all subscribers of all kinds.

/** An event as the state stores it; `data` is JSON text. */
export interface EventFields {
  readonly eventId: number
  readonly topic: string
  readonly data: Uint8Array
  readonly timeMs: number
}

const LINE_BREAK = /\r\n|\r|\n/

export class EventFrame {
  /** Null for a frame that is no event. */
  readonly eventId: number | null
  /** One JSON document. */
  readonly json: Buffer
  #stream: Buffer | undefined

  constructor(eventId: number | null, json: Buffer) {
    this.eventId = eventId
    this.json = json
  }

  /** The same as a message of an event stream (HTML Living Standard §9.2). */
  get stream(): Buffer {
    this.#stream ??= Buffer.from(streamMessage(this.eventId, this.json.toString('utf8')), 'utf8')
    return this.#stream
  }
}

/** `data` goes into the frame as it was published, byte for byte. */
export function eventFrame(scope: string, { eventId, topic, data, timeMs }: EventFields): EventFrame {
  const head = `{"topic":${JSON.stringify(`${scope}:${topic}`)},"data":`
  const tail = `,"emitted_at":"${new Date(timeMs).toISOString()}","id":${eventId}}`
  return new EventFrame(eventId, Buffer.concat([Buffer.from(head, 'utf8'), data, Buffer.from(tail, 'latin1')]))
}

/** Says that events after `after` up to `through`, of any topic of the entity, are not stored any more. */
export function gapFrame(after: number, through: number): EventFrame {
  const json = JSON.stringify({ type: 'gap', missed_after: after, missed_through: through })
  return new EventFrame(null, Buffer.from(json, 'latin1'))
}

function streamMessage(eventId: number | null, json: string): string {
  const lines = json.split(LINE_BREAK).map((line) => `data: ${line}\n`)
  return `${eventId === null ? '' : `id: ${eventId}\n`}${lines.join('')}\n`
}
