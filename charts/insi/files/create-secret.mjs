// Creates the instance secret when there is none: with the token of this pod, whose only right is to create Secrets.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'

const { API_URL, NAMESPACE, SECRET_KEY, SECRET_LABELS, SECRET_NAME, TOKEN_FILE } = process.env
const SECRET_BYTES = 48
const ATTEMPTS = 30
const PAUSE_MS = 2_000
const TIMEOUT_MS = 10_000

const print = (line) => process.stdout.write(`${line}\n`)

const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: SECRET_NAME, namespace: NAMESPACE, labels: JSON.parse(SECRET_LABELS) },
  type: 'Opaque',
  stringData: { [SECRET_KEY]: randomBytes(SECRET_BYTES).toString('base64') },
}

/** Whether there is a Secret now. Throws what no second attempt can cure. */
async function create() {
  const answer = await fetch(`${API_URL}/api/v1/namespaces/${NAMESPACE}/secrets`, {
    method: 'POST',
    headers: { authorization: `Bearer ${readFileSync(TOKEN_FILE, 'utf8').trim()}`, 'content-type': 'application/json' },
    body: JSON.stringify(secret),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const { message = '', reason = '' } = await answer.json().catch(() => ({}))
  if (answer.status === 201) print(`made the Secret ${SECRET_NAME}`)
  else if (answer.status === 409 && reason === 'AlreadyExists') print(`the Secret ${SECRET_NAME} is there already`)
  else if (answer.status >= 500 || answer.status === 429 || answer.status === 409) throw new Error(message)
  else {
    print(`the API server answers ${answer.status}: ${message}`)
    process.exit(1)
  }
}

for (let attempt = 1; ; attempt++) {
  try {
    await create()
    break
  } catch (error) {
    if (attempt === ATTEMPTS) throw error
    print(`no answer yet: ${error.message}`)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}
