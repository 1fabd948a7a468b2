/** How a suite gets what it tests, and gives it back */
export interface TestSetup<T, Args = undefined> {
  /** Called once for each test, with what that test asks for */
  setup (args: Args): Promise<T>

  /** Called after each test in which `setup` was called */
  teardown (): Promise<void>
}
