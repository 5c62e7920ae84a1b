// The simulation must find bugs that are known to be there: otherwise its silence means nothing.
import { PLANTED_BUGS } from './planted-bugs.ts'
import { simulate } from './simulation.ts'

const SEEDS = 200

test.each(PLANTED_BUGS)(
  'the simulation finds the planted bug: $name',
  async (bug) => {
    let violation: string | null = null
    for (let seed = 1; seed <= SEEDS && violation === null; seed++)
      violation = (await simulate({ seed, bug })).violation
    expect(violation).not.toBeNull()
  },
  240_000,
)
