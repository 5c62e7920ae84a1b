// Holds what a node answers against what the API says that it answers.
import { ANSWERS } from '../../src/contract/answers.ts'
import type { Route } from '../../src/contract/route.ts'
import { ROUTES } from '../../src/contract/routes.ts'

export interface CheckedAnswer {
  readonly status: number
  readonly text: string
}

/** Fails when the answer is a success of its route and has another form than the route's. */
export function checkAnswer(method: string, path: string, { status, text }: CheckedAnswer): void {
  const [pathname = ''] = path.split('?')
  const route: Route | undefined = ROUTES.find(
    (candidate) => candidate.path === pathname && candidate.methods.some((one) => one === method),
  )
  if (route === undefined || status !== route.success.status || method === 'HEAD') return
  const answer = ANSWERS[route.name]
  if (answer === undefined) {
    if (route.success.body === '' && text !== '') throw new Error(`${route.name} answered a body: ${text}`)
    return
  }
  const checked = answer.safeParse(JSON.parse(text))
  if (!checked.success)
    throw new Error(`${route.name} answered ${text}, which is not its form: ${checked.error.message}`)
}
