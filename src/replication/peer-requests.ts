// Questions to peers that are asked outside of Raft (who are you, may I join, what an operator wants) and the wait for their answers.
import type { Clock, Timer } from '../base/clock.ts'
import type { AdminResponse, JoinResponse, PeerMessage, ProbeResponse } from './peer-messages.ts'

type Answer = ProbeResponse | JoinResponse | AdminResponse

interface Question {
  readonly raftAddress: string
  readonly timer: Timer
  readonly resolve: (answer: Answer | null) => void
}

export class PeerRequests {
  readonly #clock: Clock
  readonly #send: (raftAddress: string, message: PeerMessage) => boolean
  readonly #questions = new Map<number, Question>()
  #nextRequestId: number
  #isStopped = false

  constructor(clock: Clock, send: (raftAddress: string, message: PeerMessage) => boolean, firstRequestId: number) {
    this.#clock = clock
    this.#send = send
    this.#nextRequestId = firstRequestId
  }

  /** Sends what `build` makes and resolves with the answer; with null when none comes in time or the connection is lost. */
  ask(raftAddress: string, timeoutMs: number, build: (requestId: number) => PeerMessage): Promise<Answer | null> {
    if (this.#isStopped) return Promise.resolve(null)
    const requestId = this.#nextRequestId++
    return new Promise((resolve) => {
      const timer = this.#clock.after(timeoutMs, () => this.#end(requestId, null))
      this.#questions.set(requestId, { raftAddress, timer, resolve })
      if (!this.#send(raftAddress, build(requestId))) this.#end(requestId, null)
    })
  }

  onAnswer(answer: Answer): void {
    this.#end(answer.requestId, answer)
  }

  onDisconnect(raftAddress: string): void {
    for (const [requestId, question] of this.#questions) {
      if (question.raftAddress === raftAddress) this.#end(requestId, null)
    }
  }

  /** Gives up every question, and every later one. */
  stop(): void {
    this.#isStopped = true
    for (const requestId of this.#questions.keys()) this.#end(requestId, null)
  }

  #end(requestId: number, answer: Answer | null): void {
    const question = this.#questions.get(requestId)
    if (question === undefined) return
    this.#questions.delete(requestId)
    question.timer.cancel()
    question.resolve(answer)
  }
}
