// Makes src/api/schema.d.ts from the OpenAPI document on standard input; with --check only says whether it is the same.
import { readFileSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import openapiTS, { astToString } from 'openapi-typescript'

const target = new URL('../src/api/schema.d.ts', import.meta.url)
const document = JSON.parse(await text(process.stdin))
for (const item of Object.values(document.paths)) {
  for (const operation of Object.values(item)) {
    // Every error is a problem document, which the client knows once.
    for (const status of Object.keys(operation.responses)) {
      if (status >= '400') delete operation.responses[status]
    }
  }
}
const types = await openapiTS(document, { alphabetize: true, rootTypes: true, rootTypesNoSchemaPrefix: true })
const source = `// Made from the server's OpenAPI document by scripts/dashboard.sh types.\n\n${astToString(types)}`
if (!process.argv.includes('--check')) writeFileSync(target, source)
else if (readFileSync(target, 'utf8') !== source) {
  console.error(
    'dashboard/src/api/schema.d.ts is not what the server describes: run scripts/dashboard.sh types',
  )
  process.exit(1)
}
