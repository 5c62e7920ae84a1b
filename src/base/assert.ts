// Assertions for programmer errors. They stay on in production: a node crashes rather than diverges.
// Operating errors (bad input, no leader, full quota) are `InsiError`, never assertions.

/** Thrown when an invariant does not hold. Nothing catches it on purpose: the process entry ends the process. */
class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Throws `AssertionError` with `message` unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** Returns `value`, or throws `AssertionError` when it is undefined or null. */
export function must<T>(value: T | undefined | null, message: string): T {
  if (value === undefined || value === null) throw new AssertionError(message)
  return value
}

/** Marks a branch that the type system proves impossible; throws when data proves it wrong. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable value ${JSON.stringify(value)}`)
}
