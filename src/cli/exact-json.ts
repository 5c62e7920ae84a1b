// JSON that people type. Numbers keep the digits that were typed, which a number of JavaScript may not hold.

/** ECMAScript 2026: the source of a number, and a value that is written as that source. */
type RawJson = typeof JSON & { rawJSON?(text: string): unknown }

/** What `text` says; throws SyntaxError when it is no JSON. What is made of it is for JSON.stringify only. */
export function parseExactJson(text: string): unknown {
  return JSON.parse(text, exactNumber) as unknown
}

function exactNumber(this: unknown, _name: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source
  const { rawJSON } = JSON as RawJson
  if (typeof value !== 'number' || source === undefined || rawJSON === undefined) return value
  return String(value) === source ? value : rawJSON(source)
}
