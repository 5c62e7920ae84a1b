// The schema as a list: what the loader, the reference and the JSON schema need to know of each option.
import { z } from 'zod'
import { must } from '../base/assert.ts'
import { KINDS, OPTIONS } from './option.ts'
import type { OptionKind } from './option.ts'
import { clusterSchema, nodeSchema } from './schema.ts'
import { snakeCase, spellingsOf } from './spelling.ts'

export interface Option {
  readonly type: 'option'
  /** Keys from the top of the file, or from a node, joined by dots: `cache.keys`. */
  readonly name: string
  readonly path: readonly string[]
  readonly schema: z.ZodType
  readonly kind: OptionKind
  readonly unit: string
  readonly expected: string
  readonly description: string
  /** As the file would say it; undefined when there is none. */
  readonly defaultInput: unknown
  readonly optional: boolean
  readonly secret: boolean
  /** Null for options of a node. */
  readonly environment: string | null
  readonly flag: string | null
  readonly missing: string | null
}

export interface Section {
  readonly type: 'section'
  readonly name: string
  readonly description: string
  /** By the key's first spelling. */
  readonly members: ReadonlyMap<string, Option | Section>
  /** Any accepted spelling to the first one. */
  readonly spellings: ReadonlyMap<string, string>
}

/** Key of the map of nodes at the top of the file. */
export const NODES = 'nodes'

const { [NODES]: nodesSchema, ...topShape } = clusterSchema.shape

/** Everything but the nodes. */
export const CLUSTER: Section = sectionOf(z.strictObject(topShape), [], true)

/** The options of one node. */
export const NODE: Section = sectionOf(nodeSchema, [], false)

export const NODES_DESCRIPTION: string = nodesSchema.description ?? ''

/** Every option of `section` in the order of the schema, sections within it included. */
export function optionsOf(section: Section): Option[] {
  return [...section.members.values()].flatMap((member) => (member.type === 'option' ? [member] : optionsOf(member)))
}

function sectionOf(schema: z.ZodObject, path: readonly string[], inEnvironment: boolean): Section {
  const members = new Map<string, Option | Section>()
  const spellings = new Map<string, string>()
  for (const [key, member] of Object.entries(schema.shape) as [string, z.ZodType][]) {
    const memberPath = [...path, key]
    const inner = member instanceof z.ZodPrefault ? member.unwrap() : member
    const isSection = inner instanceof z.ZodObject
    members.set(
      key,
      isSection ? sectionOf(inner, memberPath, inEnvironment) : optionOf(member, memberPath, inEnvironment),
    )
    for (const spelling of spellingsOf(key)) spellings.set(spelling, key)
  }
  return { type: 'section', name: path.join('.'), description: schema.description ?? '', members, spellings }
}

function optionOf(schema: z.ZodType, path: readonly string[], inEnvironment: boolean): Option {
  const name = path.join('.')
  const info = must(OPTIONS.get(schema), `${name} is made by option()`)
  const wrapped = schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional
  const kind = must(KINDS.get(wrapped ? (schema.unwrap() as z.ZodType) : schema), `${name} has a kind`)
  return {
    type: 'option',
    name,
    path,
    schema,
    ...kind,
    description: info.description,
    defaultInput: schema instanceof z.ZodPrefault ? schema.def.defaultValue : undefined,
    optional: wrapped,
    secret: info.secret ?? false,
    environment: inEnvironment ? (info.environment ?? environmentNameOf(path)) : null,
    flag: info.flag ?? null,
    missing: info.missing ?? null,
  }
}

function environmentNameOf(path: readonly string[]): string {
  return `INSI_${path.map((key) => snakeCase(key).toUpperCase()).join('_')}`
}
