// How a mistake is planted into a class for a while.

/** Puts another method into a class; returns what puts the original one back. */
export function replaceMethod<Target extends object, Name extends keyof Target>(
  prototype: Target,
  name: Name,
  replacement: (original: Target[Name]) => Target[Name],
): () => void {
  const original = prototype[name]
  prototype[name] = replacement(original)
  return () => {
    prototype[name] = original
  }
}
