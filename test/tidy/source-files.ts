// Reads the checkout for the tidy tests: which files there are, what they say, and how long their functions are.
import { parseSync } from '@swc/core'
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'

export const ROOT = path.resolve(import.meta.dirname, '../..')

export interface SourceFile {
  /** Relative to the checkout, with `/`. */
  readonly path: string
  readonly text: string
  readonly lines: readonly string[]
}

/** Files below `folder` whose name ends with one of `endings`, sorted by path. */
export function filesBelow(folder: string, endings: readonly string[]): SourceFile[] {
  const found: SourceFile[] = []
  for (const entry of readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !endings.some((ending) => entry.name.endsWith(ending))) continue
    const absolute = path.join(entry.parentPath, entry.name)
    const text = readFileSync(absolute, 'utf8')
    found.push({ path: path.relative(ROOT, absolute).replaceAll('\\', '/'), text, lines: text.split('\n') })
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

export interface FunctionLength {
  readonly name: string
  readonly firstLine: number
  readonly lineCount: number
}

interface Node {
  readonly type?: string
  readonly span?: { readonly start: number; readonly end: number }
  readonly [member: string]: unknown
}

const FUNCTION_TYPES = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassMethod',
  'PrivateMethod',
  'Constructor',
  'MethodProperty',
])

/** Every function of a TypeScript text with its length in lines. */
export function functionLengths(text: string): FunctionLength[] {
  const module = parseSync(text, { syntax: 'typescript', target: 'es2024' }) as unknown as Node
  // swc counts bytes from an offset that grows over a process; the module's own span starts at the first token.
  const bytes = Buffer.from(text)
  const firstToken = firstTokenOffset(text)
  const base = (module.span?.start ?? 0) - firstToken
  const found: FunctionLength[] = []
  const lineOf = (offset: number): number => {
    let line = 1
    for (let at = 0; at < offset && at < bytes.length; at++) if (bytes[at] === 10) line++
    return line
  }
  const visit = (value: unknown, name: string): void => {
    if (Array.isArray(value)) {
      for (const item of value) visit(item, name)
      return
    }
    if (value === null || typeof value !== 'object') return
    const node = value as Node
    const ownName = nameOf(node) ?? name
    if (node.type !== undefined && node.span !== undefined && FUNCTION_TYPES.has(node.type)) {
      const firstLine = lineOf(node.span.start - base)
      found.push({ name: ownName, firstLine, lineCount: lineOf(node.span.end - base) - firstLine + 1 })
    }
    for (const [member, child] of Object.entries(node)) if (member !== 'span') visit(child, ownName)
  }
  visit(module['body'], '(anonymous)')
  return found
}

function nameOf(node: Node): string | undefined {
  for (const member of ['identifier', 'key', 'id']) {
    const named = node[member] as { value?: unknown; id?: { name?: unknown } } | undefined
    if (typeof named?.value === 'string') return named.value
    if (typeof named?.id?.name === 'string') return named.id.name
  }
  return undefined
}

function firstTokenOffset(text: string): number {
  const blank = /^(?:\s|\/\/[^\n]*\n|\/\*[\s\S]*?\*\/|#![^\n]*\n)*/.exec(text)
  return Buffer.byteLength(blank?.[0] ?? '')
}
