// The text of a member of a JSON object, or of an array's elements, as it was written: parsing would round large numbers and drop what it does not keep.

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN = new Set([0x7b, 0x5b])
const CLOSE = new Set([0x7d, 0x5d])
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d])

/**
 * The value of a member of `json`, which must be one valid JSON object in UTF-8; the last one when it is repeated. A name that
 * differs only in case counts when there is no exact one. Undefined when there is neither. The result shares `json`'s memory.
 */
export function rawMember(json: Buffer, name: string): Buffer | undefined {
  let exact: Buffer | undefined
  let similar: Buffer | undefined
  let similarName: string | undefined
  let at = skipBlanks(json, skipBlanks(json, 0) + 1)
  while (json[at] === QUOTE) {
    const nameEnd = stringEnd(json, at)
    const member = JSON.parse(json.toString('utf8', at, nameEnd)) as string
    const valueStart = skipBlanks(json, skipColon(json, nameEnd))
    const valueEnd = memberEnd(json, valueStart)
    const value = json.subarray(valueStart, trimmedEnd(json, valueEnd))
    if (member === name) exact = value
    else if (member.toLowerCase() === name && (similarName === undefined || similarName === member)) {
      similar = value
      similarName = member
    }
    at = json[valueEnd] === COMMA ? skipBlanks(json, valueEnd + 1) : valueEnd
  }
  return exact ?? similar
}

/** The elements of `json`, which must be one valid JSON array in UTF-8, as they were written. They share `json`'s memory. */
export function rawElements(json: Buffer): Buffer[] {
  const elements: Buffer[] = []
  let at = skipBlanks(json, skipBlanks(json, 0) + 1)
  while (at < json.length && !CLOSE.has(json[at] ?? 0)) {
    const end = memberEnd(json, at)
    elements.push(json.subarray(at, trimmedEnd(json, end)))
    at = json[end] === COMMA ? skipBlanks(json, end + 1) : end
  }
  return elements
}

function skipBlanks(json: Buffer, start: number): number {
  let at = start
  while (BLANKS.has(json[at] ?? 0)) at += 1
  return at
}

function skipColon(json: Buffer, start: number): number {
  return json.indexOf(COLON, start) + 1
}

function trimmedEnd(json: Buffer, end: number): number {
  let at = end
  while (BLANKS.has(json[at - 1] ?? 0)) at -= 1
  return at
}

/** Behind the closing quote of the string that begins at `start`. */
function stringEnd(json: Buffer, start: number): number {
  let at = start + 1
  while (json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1
  return at + 1
}

/** At the comma behind the value that begins at `start`, or at the end of the object. */
function memberEnd(json: Buffer, start: number): number {
  let depth = 0
  let at = start
  for (;;) {
    const byte = json[at] ?? 0
    if (byte === QUOTE) {
      at = stringEnd(json, at)
      continue
    }
    if (depth === 0 && (byte === COMMA || CLOSE.has(byte))) return at
    if (OPEN.has(byte)) depth += 1
    else if (CLOSE.has(byte)) depth -= 1
    at += 1
  }
}
