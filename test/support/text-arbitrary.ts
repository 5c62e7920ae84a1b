// Arbitrary well-formed text of the whole of Unicode; building fast-check's own unit for it takes seconds.
import * as fc from 'fast-check'

const SURROGATES_FROM = 0xd800
const SURROGATES_TO = 0xdfff
const CODE_POINT_MAX = 0x10ffff

const codePoint = fc
  .oneof(fc.nat(0x7f), fc.nat(0x7ff), fc.nat(CODE_POINT_MAX))
  .map((value) => (value >= SURROGATES_FROM && value <= SURROGATES_TO ? 0xfffd : value))

/** Text without lone surrogates, with `\0` and all planes. */
export const unicodeText: fc.Arbitrary<string> = fc
  .array(codePoint, { maxLength: 60 })
  .map((points) => String.fromCodePoint(...points))
