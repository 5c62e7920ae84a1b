// Words of SVG and HTML for pictures of boards.

const COLOURS = [
  '#3274d9',
  '#e0752d',
  '#299c46',
  '#8f3bb8',
  '#c4162a',
  '#0f9aa8',
  '#b58900',
  '#6b7a8f',
  '#d0579b',
  '#5f8a1f',
]
export const NAMED: Readonly<Record<string, string>> = {
  green: '#299c46',
  orange: '#e0752d',
  red: '#c4162a',
  blue: '#3274d9',
}

export const colourAt = (at: number): string => COLOURS[at % COLOURS.length] ?? '#3274d9'

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

export function text(x: number, y: number, content: string, style: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${style}>${escaped(content)}</text>`
}

export function rect(x: number, y: number, width: number, height: number, fill: string): string {
  return `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${Math.max(width, 0).toFixed(1)}" height="${Math.max(height, 0).toFixed(1)}" fill="${fill}"/>`
}

export function line(x1: number, y1: number, x2: number, y2: number, stroke: string, more = ''): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="${stroke}" ${more}/>`
}
