// Rows for people and for `cut`: fields separated by tabs, one row a line whatever the fields hold.

const ESCAPES: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\\': '\\\\' }

/** Text of others without what a terminal would act on. */
export function singleLine(text: string): string {
  return text.replaceAll(/\p{C}/gu, '\uFFFD')
}

/** One row. A tab, a line end or a backslash within a field is written as \t, \n, \r or \\. */
export function row(...fields: readonly string[]): string {
  return fields.map((field) => field.replaceAll(/[\t\n\r\\]/g, (found) => ESCAPES[found] ?? found)).join('\t')
}
