import type { FullResult, Reporter, Suite } from '@playwright/test/reporter'

/** Closes with a line that says how many tests there were. */
export default class Count implements Reporter {
  #suite: Suite | undefined

  onBegin(_: unknown, suite: Suite) {
    this.#suite = suite
  }

  onEnd(result: FullResult) {
    const tests = this.#suite?.allTests() ?? []
    const unsteady = tests.filter(test => test.outcome() === 'flaky')
    for (const test of unsteady)
      console.log(`unsteady: ${test.title} failed, and passed when it was run again`)
    const passed = tests.filter(test => test.outcome() === 'expected').length + unsteady.length
    // What was not run, because the run broke off, has not passed.
    const failed = Math.max(tests.length - passed, result.status === 'passed' ? 0 : 1)
    console.log(`dashboard in a browser: ${passed} passed, ${failed} failed`)
  }
}
