import type { Reporter, TestModule } from 'vitest/node'

/** Closes with a line that says how many tests there were. */
export default class Count implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]) {
    const tests = modules.flatMap(module => [...module.children.allTests()])
    const passed = tests.filter(test => test.result().state === 'passed').length
    const broken = modules.filter(module => module.errors().length > 0).length
    console.log(`dashboard: ${passed} passed, ${tests.length - passed + broken + errors.length} failed`)
  }
}
