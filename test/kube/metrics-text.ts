// Reading what a node or the reconciler answers to a scrape.

interface Sample {
  readonly name: string
  /** Without braces; empty when there are none. */
  readonly labels: string
  readonly value: number
}

/** The samples of one scrape. */
export function samplesOf(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    return name === undefined ? [] : [{ name, labels, value: Number(value) }]
  })
}

/** The sum over the labels of a series; NaN when there is no such series, so that no comparison with it holds. */
export function sumOf(text: string, name: string): number {
  const values = samplesOf(text).filter((sample) => sample.name === name)
  return values.length === 0 ? Number.NaN : values.reduce((sum, { value }) => sum + value, 0)
}
