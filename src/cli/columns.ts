// Rows for people and for `cut`: fields separated by tabs, one row a line whatever the fields hold.

const ESCAPES: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\\': '\\\\' }

/** One row. A tab, a line end or a backslash within a field is written as \t, \n, \r or \\. */
export function row(...fields: readonly string[]): string {
  return fields.map((field) => field.replaceAll(/[\t\n\r\\]/g, (found) => ESCAPES[found] ?? found)).join('\t')
}
