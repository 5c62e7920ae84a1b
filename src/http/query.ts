// Query strings, read straight from the request line: a general parser costs more than the read that it serves.

/** What stands before the path where a client names the whole URL, as through a proxy (RFC 9112 §3.2.2). */
const ORIGIN = /^https?:\/\/[^/?]*/i

/** The path of a request target, without its query. */
export function pathOf(target: string): string {
  const local = target.startsWith('/') ? target : target.replace(ORIGIN, '')
  const mark = local.indexOf('?')
  return mark === -1 ? local : local.slice(0, mark)
}

/** The query of a request target, without the question mark; empty when there is none. */
export function queryOf(target: string): string {
  const mark = target.indexOf('?')
  return mark === -1 ? '' : target.slice(mark + 1)
}

/**
 * The first value of `name` (plain ASCII) in a query, or undefined. Throws URIError when its encoding is not valid UTF-8.
 * Bytes that a client sent without percent-encoding are taken as UTF-8.
 */
export function queryValue(query: string, name: string): string | undefined {
  let start = 0
  while (start < query.length) {
    let end = query.indexOf('&', start)
    if (end === -1) end = query.length
    const equals = query.indexOf('=', start)
    const nameEnd = equals === -1 || equals > end ? end : equals
    if (isName(query, start, nameEnd, name)) return nameEnd === end ? '' : decode(query.slice(nameEnd + 1, end))
    start = end + 1
  }
  return undefined
}

function isName(query: string, start: number, end: number, name: string): boolean {
  if (end - start === name.length && query.startsWith(name, start)) return true
  const raw = query.slice(start, end)
  if (!raw.includes('%') && !raw.includes('+')) return false
  try {
    return decode(raw) === name
  } catch {
    return false
  }
}

const NEEDS_DECODING = /[%+\u0080-\u00ff]/
const NOT_ASCII = /[\u0080-\u00ff]/g

function decode(raw: string): string {
  if (!NEEDS_DECODING.test(raw)) return raw
  // Node hands over each raw byte as one character: percent-encode those so that all bytes are decoded together.
  const ascii = raw.replaceAll(NOT_ASCII, (byte) => `%${byte.charCodeAt(0).toString(16)}`)
  return decodeURIComponent(ascii.replaceAll('+', ' '))
}
