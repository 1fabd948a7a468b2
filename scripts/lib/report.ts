/** Prints what a check found, and fails the process if that is anything */
export function report (problems: readonly string[], summary: string): void {
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
  console.log(problems.length === 0 ? summary : `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`)
}
